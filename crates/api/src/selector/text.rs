//! The text form of label selectors: requirements with commas between them.

use std::collections::BTreeSet;

use super::labels::{Condition, Requirement};
use crate::validation::{FieldError, names};

/// The requirements of a selector, or what Kubernetes says is wrong with it.
pub(super) fn parse(text: &str) -> Result<Vec<Requirement>, String> {
    let mut parser = Parser { rest: text };
    let mut requirements = Vec::new();
    match parser.peek() {
        Token::End => return Ok(requirements),
        Token::Word(_) | Token::Symbol("!") => {}
        token @ Token::Symbol(_) => return Err(found(token, "!, identifier, or 'end of string'")),
    }
    loop {
        let requirement = parser.requirement();
        requirements.push(requirement.map_err(|why| format!("unable to parse requirement: {why}"))?);
        match parser.next() {
            Token::End => return Ok(requirements),
            Token::Symbol(",") => {}
            token => return Err(found(token, "',' or 'end of string'")),
        }
        if let token @ (Token::End | Token::Symbol(")" | "(" | "," | "=" | "==" | "!=" | "<" | ">")) =
            parser.peek()
        {
            return Err(found(token, "identifier after ','"));
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Token<'a> {
    Word(&'a str),
    Symbol(&'a str),
    End,
}

fn found(token: Token<'_>, expected: &str) -> String {
    format!("found '{}', expected: {expected}", token.text())
}

impl<'a> Token<'a> {
    fn text(self) -> &'a str {
        match self {
            Self::Word(text) | Self::Symbol(text) => text,
            Self::End => "",
        }
    }
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Token<'a> {
        token(self.rest).0
    }

    fn next(&mut self) -> Token<'a> {
        let (token, rest) = token(self.rest);
        self.rest = rest;
        token
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let absent = self.peek() == Token::Symbol("!");
        if absent {
            self.next();
        }
        let key = match self.next() {
            Token::Word(key) => key,
            token => return Err(found(token, "identifier")),
        };
        let broken = names::qualified(key);
        if !broken.is_empty() {
            return Err(FieldError::invalid("<nil>", key, &broken.join("; ")).to_string());
        }
        let condition = match self.peek() {
            _ if absent => Condition::DoesNotExist,
            Token::End | Token::Symbol(",") => Condition::Exists,
            _ => self.condition(key)?,
        };
        let key = key.to_owned();
        Ok(Requirement { key, condition })
    }

    fn condition(&mut self, key: &str) -> Result<Condition, String> {
        match self.next() {
            Token::Word("in") => Ok(Condition::In(valid(key, self.values()?)?)),
            Token::Word("notin") => Ok(Condition::NotIn(valid(key, self.values()?)?)),
            Token::Symbol("=" | "==") => Ok(Condition::In(valid(key, self.value()?)?)),
            Token::Symbol("!=") => Ok(Condition::NotIn(valid(key, self.value()?)?)),
            Token::Symbol(">") => self.number().map(Condition::GreaterThan),
            Token::Symbol("<") => self.number().map(Condition::LessThan),
            token => Err(found(token, "in, notin, =, ==, !=, gt, lt")),
        }
    }

    /// One value; nothing is the empty one.
    fn value(&mut self) -> Result<BTreeSet<String>, String> {
        if let Token::End | Token::Symbol(",") = self.peek() {
            return Ok(BTreeSet::from([String::new()]));
        }
        match self.next() {
            Token::Word(value) => Ok(BTreeSet::from([value.to_owned()])),
            token => Err(found(token, "identifier")),
        }
    }

    fn number(&mut self) -> Result<i64, String> {
        let value = self.value()?.pop_first().unwrap_or_default();
        let why = "for 'Gt', 'Lt' operators, the value must be an integer";
        let refused = |_| FieldError::invalid("values[0]", value.as_str(), why).to_string();
        value.parse().map_err(refused)
    }

    /// `(a,b)`; nothing before or after a comma is the empty value.
    fn values(&mut self) -> Result<BTreeSet<String>, String> {
        match self.next() {
            Token::Symbol("(") => {}
            token => return Err(format!("found '{}' expected: '('", token.text())),
        }
        match self.peek() {
            Token::Symbol(")") => {
                self.next();
                return Ok(BTreeSet::from([String::new()]));
            }
            Token::Word(_) | Token::Symbol(",") => {}
            token => return Err(found(token, "',', ')' or identifier")),
        }
        let mut values = BTreeSet::new();
        let mut after_comma = true;
        loop {
            match self.next() {
                Token::Word(value) => {
                    values.insert(value.to_owned());
                    after_comma = false;
                    if let token @ (Token::End | Token::Word(_)) = self.peek() {
                        return Err(found(token, "',' or ')'"));
                    }
                }
                Token::Symbol(end @ ("," | ")")) => {
                    if after_comma {
                        values.insert(String::new());
                    }
                    if end == ")" {
                        return Ok(values);
                    }
                    after_comma = true;
                }
                token if after_comma => return Err(found(token, "',', or identifier")),
                token => return Err(found(token, "',' or ')'")),
            }
        }
    }
}

fn valid(key: &str, values: BTreeSet<String>) -> Result<BTreeSet<String>, String> {
    let mut errors = Vec::new();
    for (index, value) in values.iter().enumerate() {
        let broken = names::label_value(value);
        if !broken.is_empty() {
            let path = format!("values[{index}][{key}]");
            errors.push(FieldError::invalid(&path, value.as_str(), &broken.join("; ")).to_string());
        }
    }
    match errors.as_slice() {
        [] => Ok(values),
        [only] => Err(only.clone()),
        several => Err(format!("[{}]", several.join(", "))),
    }
}

/// The first token, and what is after it.
fn token(text: &str) -> (Token<'_>, &str) {
    let text = text.trim_start_matches([' ', '\t', '\r', '\n']);
    if text.is_empty() {
        return (Token::End, text);
    }
    for symbol in ["==", "!=", "=", "!", "(", ")", ",", ">", "<"] {
        if let Some(rest) = text.strip_prefix(symbol) {
            return (Token::Symbol(symbol), rest);
        }
    }
    let end = text.find([' ', '\t', '\r', '\n', '=', '!', '(', ')', ',', '>', '<']);
    let (word, rest) = text.split_at(end.unwrap_or(text.len()));
    (Token::Word(word), rest)
}
