//! Orders in a PostgreSQL database, over one connection that is made anew when it breaks.

use std::time::Duration;

use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Row};

use super::order::NewOrder;
use crate::WorkloadError;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS orders (\
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
    seed text UNIQUE, \
    customer text NOT NULL, \
    item text NOT NULL, \
    quantity integer NOT NULL, \
    unit_price_cents bigint NOT NULL, \
    total_cents bigint NOT NULL)";

const INSERT: &str = "INSERT INTO orders (seed, customer, item, quantity, unit_price_cents, total_cents) \
    VALUES ($1::text, $2::text, $3::text, $4::int4, $5::int8, $6::int8)";

const COLUMNS: &str = "id, customer, item, quantity, unit_price_cents, total_cents";

/// How long a statement may take, connecting included.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often a new table is tried for: two backends that create it at once get in each other's way.
const ATTEMPTS: u32 = 5;

pub(super) struct OrderStore {
    config: Config,
    /// The order that the database has from the beginning, and the text that it is known by.
    seed: Option<(NewOrder, String)>,
    client: Mutex<Option<Client>>,
}

/// An order as the database has it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoredOrder {
    id: i64,
    customer: String,
    item: String,
    quantity: i32,
    unit_price_cents: i64,
    total_cents: i64,
}

/// The database can't be asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    #[error("timed out")]
    TimedOut,
    #[error("{}", in_full(.0))]
    Postgres(#[from] tokio_postgres::Error),
}

impl OrderStore {
    /// Orders at `address`, `HOST:PORT`. Connects when first asked.
    pub(super) fn new(address: &str, seed: Option<(NewOrder, String)>) -> Result<Self, WorkloadError> {
        let parts = address.rsplit_once(':');
        let Some((host, port)) = parts.and_then(|(host, port)| Some((host, port.parse().ok()?))) else {
            return Err(WorkloadError::NoAddress(address.to_owned()));
        };
        let mut config = Config::new();
        config
            .host(host)
            .port(port)
            .user("podlab")
            .dbname("podlab")
            .application_name("podlab-backend")
            .connect_timeout(PATIENCE);
        Ok(Self {
            config,
            seed,
            client: Mutex::default(),
        })
    }

    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        self.query("SELECT 1", &[]).await.map(drop)
    }

    /// All orders, the newest first.
    pub(super) async fn list(&self) -> Result<Vec<StoredOrder>, StoreError> {
        let rows = self
            .query(&format!("SELECT {COLUMNS} FROM orders ORDER BY id DESC"), &[])
            .await?;
        rows.iter().map(stored).collect()
    }

    pub(super) async fn insert(&self, order: &NewOrder) -> Result<StoredOrder, StoreError> {
        let (price, total) = (order.unit_price_cents(), order.total_cents());
        let parameters: [&(dyn ToSql + Sync); 6] = [
            &None::<String>,
            &order.customer,
            &order.item,
            &order.quantity,
            &price,
            &total,
        ];
        let rows = self
            .query(&format!("{INSERT} RETURNING {COLUMNS}"), &parameters)
            .await?;
        stored(rows.first().ok_or(StoreError::TimedOut)?)
    }

    /// Runs a statement. The connection is given up when anything but the statement is at fault.
    async fn query(
        &self,
        statement: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, StoreError> {
        let mut slot = self.client.lock().await;
        let answer = timeout(PATIENCE, async {
            let client = match slot.take().filter(|client| !client.is_closed()) {
                Some(client) => client,
                None => self.connect().await?,
            };
            let answer = client.query(statement, parameters).await;
            if !client.is_closed() {
                *slot = Some(client);
            }
            answer
        })
        .await;
        Ok(answer.map_err(|_| StoreError::TimedOut)??)
    }

    async fn connect(&self) -> Result<Client, tokio_postgres::Error> {
        let (client, connection) = self.config.connect(NoTls).await?;
        tokio::spawn(async move {
            // Whoever uses the client hears of its end.
            let _ = connection.await;
        });
        let mut attempt = 1;
        while let Err(error) = client.batch_execute(TABLE).await {
            let raced = [
                SqlState::UNIQUE_VIOLATION,
                SqlState::DUPLICATE_TABLE,
                SqlState::DUPLICATE_OBJECT,
            ];
            if attempt == ATTEMPTS || !error.code().is_some_and(|code| raced.contains(code)) {
                return Err(error);
            }
            attempt += 1;
        }
        if let Some((order, seed)) = &self.seed {
            let (price, total) = (order.unit_price_cents(), order.total_cents());
            let parameters: [&(dyn ToSql + Sync); 6] = [
                seed,
                &order.customer,
                &order.item,
                &order.quantity,
                &price,
                &total,
            ];
            let statement = format!("{INSERT} ON CONFLICT (seed) DO NOTHING");
            client.execute(&statement, &parameters).await?;
        }
        Ok(client)
    }
}

fn stored(row: &Row) -> Result<StoredOrder, StoreError> {
    Ok(StoredOrder {
        id: row.try_get("id")?,
        customer: row.try_get("customer")?,
        item: row.try_get("item")?,
        quantity: row.try_get("quantity")?,
        unit_price_cents: row.try_get("unit_price_cents")?,
        total_cents: row.try_get("total_cents")?,
    })
}

/// The error and what caused it: the outer one alone says too little.
fn in_full(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
