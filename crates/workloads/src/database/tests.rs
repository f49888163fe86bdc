//! The database as clients of PostgreSQL see it, over its own protocol on loopback.

use std::net::Ipv4Addr;

use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

/// A server with a database of its own, which goes when this does.
struct Server {
    port: u16,
    _folder: TempDir,
}

impl Server {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let file = folder.path().join("database.sqlite");
        tokio::spawn(async move { super::accept(listener, &file).await });
        Self {
            port,
            _folder: folder,
        }
    }

    async fn connect(&self) -> Client {
        let address = format!("host=127.0.0.1 port={} user=anybody dbname=any", self.port);
        let (client, connection) = tokio_postgres::connect(&address, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }
}

const ITEMS: &str = "
    CREATE TABLE items (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name text NOT NULL UNIQUE,
        price double precision,
        amount integer NOT NULL DEFAULT 1 CHECK (amount > 0),
        sold boolean NOT NULL DEFAULT false
    );
    INSERT INTO items (name, price) VALUES ('cards', 1.5), ('tape', NULL);
";

#[tokio::test]
async fn values_come_back_in_the_types_that_the_columns_declare() {
    let server = Server::start().await;
    let client = server.connect().await;
    client.batch_execute(ITEMS).await.unwrap();

    let rows = client
        .query(
            "SELECT id, name, price, amount, sold FROM items WHERE name <> $1 ORDER BY id",
            &[&"drum"],
        )
        .await
        .unwrap();
    let types: Vec<&Type> = rows[0].columns().iter().map(|column| column.type_()).collect();
    let expected = [Type::INT8, Type::TEXT, Type::FLOAT8, Type::INT4, Type::BOOL];
    assert_eq!(types, expected.iter().collect::<Vec<_>>());
    assert_eq!(rows[0].get::<_, i64>(0), 1);
    assert_eq!(rows[0].get::<_, String>(1), "cards");
    assert_eq!(rows[0].get::<_, Option<f64>>(2), Some(1.5));
    assert_eq!(rows[1].get::<_, Option<f64>>(2), None);
    assert_eq!(rows[0].get::<_, i32>(3), 1);
    assert!(!rows[0].get::<_, bool>(4));
}

#[tokio::test]
async fn expressions_have_the_types_of_their_values() {
    let server = Server::start().await;
    let client = server.connect().await;
    let row = client
        .query_one("SELECT count(*), 1.5 * 2, 'a' || 'b', version()", &[])
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), 1);
    assert_eq!(row.get::<_, f64>(1), 3.0);
    assert_eq!(row.get::<_, String>(2), "ab");
    assert!(row.get::<_, String>(3).contains("SQLite"));
}

#[tokio::test]
async fn casts_give_parameters_their_types() {
    let server = Server::start().await;
    let client = server.connect().await;
    client.batch_execute(ITEMS).await.unwrap();
    let row = client
        .query_one(
            "INSERT INTO items (name, price, amount, sold) VALUES ($1, $2::float8, $3::int, $4::boolean) \
             RETURNING id, amount * 2 AS twice",
            &[&"drum", &2.25_f64, &3_i32, &true],
        )
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>("id"), 3);
    assert_eq!(row.columns()[1].name(), "twice");
    let sold = client
        .query_one("SELECT price, sold FROM items WHERE id = $1::bigint", &[&3_i64])
        .await
        .unwrap();
    assert_eq!((sold.get::<_, f64>(0), sold.get::<_, bool>(1)), (2.25, true));
}

#[tokio::test]
async fn errors_have_postgresqls_codes() {
    let server = Server::start().await;
    let client = server.connect().await;
    client.batch_execute(ITEMS).await.unwrap();
    for (statement, code) in [
        ("INSERT INTO items (name) VALUES ('cards')", "23505"),
        ("INSERT INTO items (name) VALUES (NULL)", "23502"),
        ("INSERT INTO items (name, amount) VALUES ('drum', 0)", "23514"),
        ("SELECT * FROM nowhere", "42P01"),
        ("SELECT colour FROM items", "42703"),
        ("SELECT no_such_function(1)", "42883"),
        ("CREATE TABLE items (id int)", "42P07"),
        ("SELEKT 1", "42601"),
        ("SELECT 'open", "42601"),
        ("SELECT 1::colour", "42704"),
        ("PRAGMA database_list", "42601"),
    ] {
        let error = client.batch_execute(statement).await.unwrap_err();
        let seen = error.as_db_error().map(|error| error.code().code().to_owned());
        assert_eq!(seen.as_deref(), Some(code), "{statement}: {error:?}");
    }
    // The session goes on after each of them.
    let row = client.query_one("SELECT count(*) FROM items", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 2);
}

#[tokio::test]
async fn statements_tell_how_many_rows_they_changed() {
    let server = Server::start().await;
    let client = server.connect().await;
    client.batch_execute(ITEMS).await.unwrap();
    for (statement, changed) in [
        ("INSERT INTO items (name) VALUES ('drum'), ('disk')", 2),
        ("UPDATE items SET amount = amount + 1", 4),
        ("DELETE FROM items WHERE price IS NULL", 3),
        ("SELECT * FROM items", 1),
    ] {
        assert_eq!(
            client.execute(statement, &[]).await.unwrap(),
            changed,
            "{statement}"
        );
    }
}

#[tokio::test]
async fn a_transaction_is_seen_by_others_when_it_is_committed_and_not_before() {
    let server = Server::start().await;
    let (mut one, other) = (server.connect().await, server.connect().await);
    one.batch_execute(ITEMS).await.unwrap();
    let count = async || {
        let row = other.query_one("SELECT count(*) FROM items", &[]).await.unwrap();
        row.get::<_, i64>(0)
    };

    let transaction = one.transaction().await.unwrap();
    transaction.execute("DELETE FROM items", &[]).await.unwrap();
    assert_eq!(count().await, 2);
    transaction.rollback().await.unwrap();
    assert_eq!(count().await, 2);

    let transaction = one.transaction().await.unwrap();
    transaction.execute("DELETE FROM items", &[]).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(count().await, 0);
}

#[tokio::test]
async fn a_failed_transaction_can_only_be_given_up() {
    let server = Server::start().await;
    let client = server.connect().await;
    client.batch_execute(ITEMS).await.unwrap();
    client.batch_execute("BEGIN").await.unwrap();
    client.batch_execute("DELETE FROM items").await.unwrap();
    client.batch_execute("SELECT * FROM nowhere").await.unwrap_err();

    let error = client.batch_execute("SELECT 1").await.unwrap_err();
    assert_eq!(error.code().map(|code| code.code()), Some("25P02"));
    client.batch_execute("COMMIT").await.unwrap();
    let row = client.query_one("SELECT count(*) FROM items", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 2);
}

#[tokio::test]
async fn a_text_of_several_statements_is_answered_statement_by_statement() {
    let server = Server::start().await;
    let client = server.connect().await;
    let text = "CREATE TABLE t (a text); INSERT INTO t VALUES ('x;y'); -- a comment; with a semicolon\nSELECT a FROM t;";
    let messages = client.simple_query(text).await.unwrap();
    let values: Vec<&str> = messages
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        })
        .collect();
    assert_eq!(values, ["x;y"]);
}
