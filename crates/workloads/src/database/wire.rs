//! A client's session: PostgreSQL's messages on one side, the engine on the other.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::stream;
use pgwire::api::auth::StartupHandler;
use pgwire::api::auth::noop::NoopStartupHandler;
use pgwire::api::portal::{Format, Portal};
use pgwire::api::query::{ExtendedQueryHandler, SimpleQueryHandler};
use pgwire::api::results::{
    DataRowEncoder, DescribePortalResponse, DescribeStatementResponse, FieldInfo, QueryResponse, Response,
    Tag,
};
use pgwire::api::stmt::{QueryParser, StoredStatement};
use pgwire::api::{ClientInfo, PgWireServerHandlers, Type};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::response::TransactionStatus;
use rusqlite::types::Value;

use super::engine::{Column, Engine};
use super::error::{engine_error, error};
use super::sql::{Command, SqlError, Statement, statements};
use super::types;

/// What one client has: its own connection to the engine, and with that its own transaction.
#[derive(Clone)]
pub(super) struct Session(Arc<Mutex<Engine>>);

impl Session {
    pub(super) fn new(engine: Engine) -> Self {
        Self(Arc::new(Mutex::new(engine)))
    }

    /// The engine waits for locks, so it is asked on a thread that may wait.
    async fn with_engine<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Engine) -> PgWireResult<T> + Send + 'static,
    ) -> PgWireResult<T> {
        let engine = self.0.clone();
        let work = move || work(&engine.lock().unwrap_or_else(PoisonError::into_inner));
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|panic| Err(error("XX000", panic.to_string())))
    }

    async fn run(
        &self,
        statement: Statement,
        parameters: Vec<Value>,
        format: Format,
        status: TransactionStatus,
    ) -> PgWireResult<Response> {
        let mut statement = statement;
        if status == TransactionStatus::Error {
            match statement.command {
                Command::Rollback => {}
                // As in PostgreSQL, a failed transaction can only be given up.
                Command::Commit => {
                    statement.command = Command::Rollback;
                    statement.sql = "ROLLBACK".to_owned();
                }
                _ => {
                    let message =
                        "current transaction is aborted, commands ignored until end of transaction block";
                    return Err(error("25P02", message.to_owned()));
                }
            }
        }
        let sql = statement.sql;
        match statement.command {
            // Outside of a transaction these do nothing but warn.
            Command::Commit | Command::Rollback if status == TransactionStatus::Idle => {
                let tag = if sql == "COMMIT" { "COMMIT" } else { "ROLLBACK" };
                return Ok(Response::TransactionEnd(Tag::new(tag)));
            }
            Command::Begin if status == TransactionStatus::Transaction => {
                return Ok(Response::TransactionStart(Tag::new("BEGIN")));
            }
            _ => {}
        }
        let answer = self
            .with_engine(move |engine| engine.run(&sql, &parameters).map_err(engine_error))
            .await?;
        let name = match statement.command {
            Command::Begin => return Ok(Response::TransactionStart(Tag::new("BEGIN"))),
            Command::Commit => return Ok(Response::TransactionEnd(Tag::new("COMMIT"))),
            Command::Rollback => return Ok(Response::TransactionEnd(Tag::new("ROLLBACK"))),
            Command::Other(name) => name,
        };
        if answer.columns.is_empty() {
            return Ok(Response::Execution(tag(&name, answer.changed)));
        }
        let fields = Arc::new(fields(&answer.columns, &format));
        let mut encoder = DataRowEncoder::new(fields.clone());
        let mut rows = Vec::with_capacity(answer.rows.len());
        for row in &answer.rows {
            for (value, column) in row.iter().zip(&answer.columns) {
                types::encode(&mut encoder, value, &column.type_)?;
            }
            rows.push(Ok(encoder.take_row()));
        }
        let mut response = QueryResponse::new(fields, stream::iter(rows));
        // An INSERT's tag has a zero before the count.
        response.set_command_tag(if name == "INSERT" { "INSERT 0" } else { &name });
        Ok(Response::Query(response))
    }

    async fn describe(&self, statement: &Statement, format: Format) -> PgWireResult<Vec<FieldInfo>> {
        let sql = statement.sql.clone();
        let columns = self
            .with_engine(move |engine| engine.columns(&sql).map_err(engine_error))
            .await?;
        Ok(fields(&columns, &format))
    }
}

fn tag(name: &str, changed: usize) -> Tag {
    match name {
        "INSERT" => Tag::new(name).with_oid(0).with_rows(changed),
        "UPDATE" | "DELETE" => Tag::new(name).with_rows(changed),
        _ => Tag::new(name),
    }
}

fn fields(columns: &[Column], format: &Format) -> Vec<FieldInfo> {
    let field = |(index, column): (usize, &Column)| {
        let name = column.name.clone();
        FieldInfo::new(name, None, None, column.type_.clone(), format.format_for(index))
    };
    columns.iter().enumerate().map(field).collect()
}

/// The types that the client gives come first, then those that casts give; the rest is text.
fn parameter_types(statement: &StoredStatement<Statement>) -> Vec<Type> {
    let casts = &statement.statement.parameters;
    let given = &statement.parameter_types;
    (0..casts.len().max(given.len()))
        .map(|index| {
            let of = |types: &[Option<Type>]| types.get(index).cloned().flatten();
            of(given)
                .filter(|type_| *type_ != Type::UNKNOWN)
                .or_else(|| of(casts))
                .unwrap_or(Type::TEXT)
        })
        .collect()
}

fn sql_error(from: SqlError) -> PgWireError {
    error(from.code(), from.to_string())
}

#[async_trait]
impl SimpleQueryHandler for Session {
    async fn do_query<C>(&self, client: &mut C, query: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        let mut status = client.transaction_status();
        let mut responses = Vec::new();
        for statement in statements(query).map_err(sql_error)? {
            match self.run(statement, Vec::new(), Format::UnifiedText, status).await {
                Ok(response) => {
                    match &response {
                        Response::TransactionStart(_) => status = TransactionStatus::Transaction,
                        Response::TransactionEnd(_) => status = TransactionStatus::Idle,
                        _ => {}
                    }
                    responses.push(response);
                }
                Err(PgWireError::UserError(error)) => {
                    // What came before it stands; what comes after it isn't run.
                    responses.push(Response::Error(error));
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(responses)
    }
}

/// Takes one statement at a time, as the extended protocol wants it.
pub(super) struct Parser;

#[async_trait]
impl QueryParser for Parser {
    type Statement = Statement;

    async fn parse_sql<C>(
        &self,
        _client: &C,
        sql: &str,
        _types: &[Option<Type>],
    ) -> PgWireResult<Option<Statement>>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        let mut statements = statements(sql).map_err(sql_error)?;
        if statements.len() > 1 {
            let message = "cannot insert multiple commands into a prepared statement";
            return Err(error("42601", message.to_owned()));
        }
        Ok(statements.pop())
    }

    fn get_parameter_types(&self, statement: &Statement) -> PgWireResult<Vec<Type>> {
        let type_ = |type_: &Option<Type>| type_.clone().unwrap_or(Type::TEXT);
        Ok(statement.parameters.iter().map(type_).collect())
    }

    fn get_result_schema(
        &self,
        _statement: &Statement,
        _format: Option<&Format>,
    ) -> PgWireResult<Vec<FieldInfo>> {
        // The session describes results: it has the engine.
        Ok(Vec::new())
    }
}

#[async_trait]
impl ExtendedQueryHandler for Session {
    type Statement = Statement;
    type QueryParser = Parser;

    fn query_parser(&self) -> Arc<Parser> {
        Arc::new(Parser)
    }

    async fn do_query<C>(
        &self,
        client: &mut C,
        portal: &Portal<Statement>,
        _max_rows: usize,
    ) -> PgWireResult<Response>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        let types = parameter_types(&portal.statement);
        let parameters = (0..portal.parameter_len())
            .map(|index| types::parameter(portal, index, types.get(index).unwrap_or(&Type::TEXT)))
            .collect::<PgWireResult<Vec<Value>>>()?;
        let statement = portal.statement.statement.clone();
        let format = portal.result_column_format.clone();
        self.run(statement, parameters, format, client.transaction_status())
            .await
    }

    async fn do_describe_statement<C>(
        &self,
        _client: &mut C,
        statement: &StoredStatement<Statement>,
    ) -> PgWireResult<DescribeStatementResponse>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        let fields = self.describe(&statement.statement, Format::UnifiedText).await?;
        Ok(DescribeStatementResponse::new(parameter_types(statement), fields))
    }

    async fn do_describe_portal<C>(
        &self,
        _client: &mut C,
        portal: &Portal<Statement>,
    ) -> PgWireResult<DescribePortalResponse>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        let format = portal.result_column_format.clone();
        let fields = self.describe(&portal.statement.statement, format).await?;
        Ok(DescribePortalResponse::new(fields))
    }
}

/// Whoever can connect is let in: the network decides who can.
impl NoopStartupHandler for Session {}

impl PgWireServerHandlers for Session {
    fn simple_query_handler(&self) -> Arc<impl SimpleQueryHandler> {
        Arc::new(self.clone())
    }

    fn extended_query_handler(&self) -> Arc<impl ExtendedQueryHandler> {
        Arc::new(self.clone())
    }

    fn startup_handler(&self) -> Arc<impl StartupHandler> {
        Arc::new(self.clone())
    }
}
