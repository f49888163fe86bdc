//! From PostgreSQL's SQL to SQLite's.
//!
//! Only what the two write differently is touched: parameters (`$1`), casts (`x::text`), identity columns, and the
//! words that begin and end transactions. Everything else goes through as it is, texts and comments always.

use pgwire::api::Type;

use super::types;

/// A statement in SQLite's words.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Statement {
    /// What SQLite is given.
    pub(super) sql: String,
    /// What it does.
    pub(super) command: Command,
    /// The types that casts give to parameters, by number, from 0.
    pub(super) parameters: Vec<Option<Type>>,
}

/// What a statement does, as far as its answer depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    Begin,
    Commit,
    Rollback,
    /// The words of its tag: `SELECT`, `CREATE TABLE`.
    Other(String),
}

/// A text that is no statement of PostgreSQL's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum SqlError {
    #[error("syntax error at or near \"{0}\"")]
    Syntax(String),
    #[error("unterminated quoted string")]
    Unterminated,
    #[error("type \"{0}\" does not exist")]
    UnknownType(String),
    #[error("there is no parameter ${0}")]
    Parameter(usize),
}

impl SqlError {
    /// PostgreSQL's code for it.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Syntax(_) | Self::Unterminated => "42601",
            Self::UnknownType(_) => "42704",
            Self::Parameter(_) => "42P02",
        }
    }
}

/// The most parameters that the protocol can carry.
const MOST_PARAMETERS: usize = 65_535;

/// Words that begin statements of SQLite's alone, which reach beyond the database.
const FOREIGN: &[&str] = &["ATTACH", "DETACH", "PRAGMA", "VACUUM"];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Token<'a> {
    Word(&'a str),
    Parameter(usize),
    Cast,
    End,
    Space(&'a str),
    Other(&'a str),
}

impl Token<'_> {
    fn is(&self, word: &str) -> bool {
        matches!(self, Token::Word(text) if text.eq_ignore_ascii_case(word))
    }
}

/// The statements of a text, which semicolons part.
pub(super) fn statements(text: &str) -> Result<Vec<Statement>, SqlError> {
    let tokens = tokens(text)?;
    tokens
        .split(|token| *token == Token::End)
        .filter(|tokens| tokens.iter().any(|token| !matches!(token, Token::Space(_))))
        .map(translate)
        .collect()
}

fn translate(tokens: &[Token<'_>]) -> Result<Statement, SqlError> {
    let words: Vec<String> = tokens
        .iter()
        .filter(|token| !matches!(token, Token::Space(_)))
        .map_while(|token| match token {
            Token::Word(word) => Some(word.to_ascii_uppercase()),
            _ => None,
        })
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (command, sql) = match words[..] {
        ["BEGIN", ..] | ["START", "TRANSACTION", ..] => (Command::Begin, Some("BEGIN IMMEDIATE")),
        ["COMMIT" | "END", ..] => (Command::Commit, Some("COMMIT")),
        ["ROLLBACK", "TO", ..] => (Command::Other("ROLLBACK".into()), None),
        ["ROLLBACK" | "ABORT", ..] => (Command::Rollback, Some("ROLLBACK")),
        [first, ..] if FOREIGN.contains(&first) => return Err(SqlError::Syntax(first.to_owned())),
        ["WITH" | "VALUES", ..] => (Command::Other("SELECT".into()), None),
        [verb @ ("CREATE" | "DROP" | "ALTER"), noun, ..] => (Command::Other(format!("{verb} {noun}")), None),
        [verb, ..] => (Command::Other(verb.to_owned()), None),
        [] => (Command::Other("SELECT".into()), None),
    };
    let mut translation = Translation {
        defines: words.first() == Some(&"CREATE"),
        ..Translation::default()
    };
    translation.all(tokens)?;
    Ok(Statement {
        sql: sql.map_or(translation.sql, str::to_owned),
        command,
        parameters: translation.parameters,
    })
}

#[derive(Default)]
struct Translation {
    sql: String,
    parameters: Vec<Option<Type>>,
    /// Whether types stand in it: in the definition of a table.
    defines: bool,
}

impl Translation {
    fn all(&mut self, tokens: &[Token<'_>]) -> Result<(), SqlError> {
        let mut rest = tokens;
        let mut parameter = None;
        while let Some((token, after)) = rest.split_first() {
            rest = after;
            match *token {
                Token::Cast => {
                    let (type_, after) = cast(rest)?;
                    rest = after;
                    if let Some(number) = parameter {
                        self.parameters[number] = Some(type_);
                    }
                }
                Token::Parameter(number) => {
                    if !(1..=MOST_PARAMETERS).contains(&number) {
                        return Err(SqlError::Parameter(number));
                    }
                    self.parameters.resize(self.parameters.len().max(number), None);
                    self.sql.push_str(&format!("?{number}"));
                    parameter = Some(number - 1);
                    continue;
                }
                Token::Word(word) if self.defines => match identity(word, rest) {
                    Some(after) => {
                        // The only words by which SQLite numbers rows itself.
                        self.sql.push_str("INTEGER PRIMARY KEY AUTOINCREMENT");
                        rest = after;
                    }
                    None if token.is("integer") || token.is("int") => self.sql.push_str("int4"),
                    None => self.sql.push_str(word),
                },
                Token::Word(text) | Token::Space(text) | Token::Other(text) => self.sql.push_str(text),
                Token::End => {}
            }
            parameter = None;
        }
        Ok(())
    }
}

/// The type after `::`, and what comes after it.
fn cast<'t, 's>(tokens: &'t [Token<'s>]) -> Result<(Type, &'t [Token<'s>]), SqlError> {
    let mut rest = skip_space(tokens);
    let Some((Token::Word(word), after)) = rest.split_first() else {
        return Err(SqlError::Syntax("::".into()));
    };
    rest = after;
    let mut name = word.to_ascii_lowercase();
    for (first, second) in [("double", "precision"), ("character", "varying")] {
        if let Some((token, after)) = skip_space(rest).split_first()
            && name == first
            && token.is(second)
        {
            name = format!("{first} {second}");
            rest = after;
        }
    }
    let type_ = types::by_name(&name).ok_or(SqlError::UnknownType(name))?;
    Ok((type_, rest))
}

/// `bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY` and `bigserial PRIMARY KEY`: what comes after it.
fn identity<'t, 's>(type_: &str, tokens: &'t [Token<'s>]) -> Option<&'t [Token<'s>]> {
    let lower = type_.to_ascii_lowercase();
    let key = &["primary", "key"][..];
    if matches!(lower.as_str(), "serial" | "bigserial" | "smallserial") {
        return phrase(tokens, key);
    }
    types::by_name(&lower)?;
    let generated = phrase(tokens, &["generated", "always"])
        .or_else(|| phrase(tokens, &["generated", "by", "default"]))?;
    phrase(phrase(generated, &["as", "identity"])?, key)
}

fn phrase<'t, 's>(tokens: &'t [Token<'s>], words: &[&str]) -> Option<&'t [Token<'s>]> {
    words.iter().try_fold(tokens, |tokens, word| {
        let (token, rest) = skip_space(tokens).split_first()?;
        token.is(word).then_some(rest)
    })
}

fn skip_space<'t, 's>(mut tokens: &'t [Token<'s>]) -> &'t [Token<'s>] {
    while let Some((Token::Space(_), rest)) = tokens.split_first() {
        tokens = rest;
    }
    tokens
}

fn tokens(text: &str) -> Result<Vec<Token<'_>>, SqlError> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' | '"' => quoted(rest, first)?,
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").ok_or(SqlError::Unterminated)? + 2,
            '$' => 1 + leading(&rest[1..], |c| c.is_ascii_digit()),
            ':' if rest.starts_with("::") => 2,
            c if c.is_whitespace() => leading(rest, char::is_whitespace),
            c if c.is_alphabetic() || c == '_' => leading(rest, |c| c.is_alphanumeric() || c == '_'),
            c => c.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        rest = after;
        tokens.push(match first {
            '$' => Token::Parameter(
                token[1..]
                    .parse()
                    .map_err(|_| SqlError::Syntax(token.to_owned()))?,
            ),
            ';' => Token::End,
            _ if token == "::" => Token::Cast,
            _ if token.starts_with("--") || token.starts_with("/*") => Token::Space(token),
            c if c.is_whitespace() => Token::Space(token),
            c if c.is_alphabetic() || c == '_' => Token::Word(token),
            _ => Token::Other(token),
        });
    }
    Ok(tokens)
}

/// The length of a quoted text with its quotes; a doubled quote stands for itself.
fn quoted(text: &str, quote: char) -> Result<usize, SqlError> {
    let mut end = 1;
    loop {
        end += text[end..].find(quote).ok_or(SqlError::Unterminated)? + 1;
        if !text[end..].starts_with(quote) {
            return Ok(end);
        }
        end += 1;
    }
}

fn leading(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_translated() {
        let cases = [
            ("SELECT 1", "SELECT 1"),
            ("SELECT $1::text, $2 :: int4", "SELECT ?1, ?2 "),
            ("SELECT x::double precision FROM t", "SELECT x FROM t"),
            ("SELECT '$1::text; it''s'", "SELECT '$1::text; it''s'"),
            ("SELECT \"a::b\" -- $1;\n", "SELECT \"a::b\" -- $1;\n"),
            ("/* ; */ SELECT 1", "/* ; */ SELECT 1"),
            (
                "CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n integer)",
                "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, n int4)",
            ),
            (
                "create table t (id bigserial primary key)",
                "create table t (id INTEGER PRIMARY KEY AUTOINCREMENT)",
            ),
            ("begin", "BEGIN IMMEDIATE"),
            ("START TRANSACTION", "BEGIN IMMEDIATE"),
            ("END", "COMMIT"),
            ("ROLLBACK TO s", "ROLLBACK TO s"),
        ];
        for (text, expected) in cases {
            let statements = statements(text).unwrap();
            assert_eq!(statements.len(), 1, "{text}");
            assert_eq!(statements[0].sql, expected);
        }
    }

    #[test]
    fn semicolons_part_statements() {
        let sql = |text| -> Vec<String> { statements(text).unwrap().into_iter().map(|s| s.sql).collect() };
        assert_eq!(sql("SELECT 1; SELECT ';' ;; "), ["SELECT 1", " SELECT ';' "]);
        assert!(sql(" ; -- nothing\n").is_empty());
    }

    #[test]
    fn casts_say_what_parameters_are() {
        let statement = statements("SELECT $2::int8, $1::text, $3").unwrap().remove(0);
        assert_eq!(statement.parameters, [Some(Type::TEXT), Some(Type::INT8), None]);
        assert_eq!(statement.command, Command::Other("SELECT".into()));
    }

    #[test]
    fn what_is_wrong_is_told_by_its_code() {
        let cases = [
            ("SELECT 'a", "42601", "unterminated quoted string"),
            ("SELECT $x", "42601", "syntax error at or near \"$\""),
            ("SELECT 1::nonsense", "42704", "type \"nonsense\" does not exist"),
            ("SELECT $0", "42P02", "there is no parameter $0"),
            ("SELECT $99999999", "42P02", "there is no parameter $99999999"),
            (
                "PRAGMA journal_mode",
                "42601",
                "syntax error at or near \"PRAGMA\"",
            ),
        ];
        for (text, code, message) in cases {
            let error = statements(text).unwrap_err();
            assert_eq!(
                (error.code(), error.to_string().as_str()),
                (code, message),
                "{text}"
            );
        }
    }
}
