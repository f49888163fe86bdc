//! What an order must be, and what it costs.

use std::str::FromStr;

use serde::Deserialize;

/// What a piece costs.
const UNIT_PRICE_CENTS: i64 = 1_000;
/// What it costs for those who order many.
const BULK_PRICE_CENTS: i64 = 900;
/// How many are many.
const BULK: i32 = 100;
/// The most that one order can have.
const MOST: i32 = 1_000;
/// The longest name of a customer or an item, in characters.
const LONGEST: usize = 100;

/// An order that somebody wants to place.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewOrder {
    pub(super) customer: String,
    pub(super) item: String,
    pub(super) quantity: i32,
}

impl NewOrder {
    /// What is wrong with it: the field, and what it must be.
    pub(super) fn check(&self) -> Result<(), String> {
        for (field, text) in [("customer", &self.customer), ("item", &self.item)] {
            if text.trim().is_empty() || text.chars().count() > LONGEST {
                return Err(format!("{field}: must have between 1 and {LONGEST} characters"));
            }
        }
        if !(1..=MOST).contains(&self.quantity) {
            return Err(format!("quantity: must be between 1 and {MOST}"));
        }
        Ok(())
    }

    pub(super) fn unit_price_cents(&self) -> i64 {
        if self.quantity < BULK {
            UNIT_PRICE_CENTS
        } else {
            BULK_PRICE_CENTS
        }
    }

    pub(super) fn total_cents(&self) -> i64 {
        self.unit_price_cents() * i64::from(self.quantity)
    }
}

/// From `CUSTOMER:ITEM:QUANTITY`.
impl FromStr for NewOrder {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split(':');
        let (Some(customer), Some(item), Some(quantity), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(());
        };
        let order = Self {
            customer: customer.to_owned(),
            item: item.to_owned(),
            quantity: quantity.parse().map_err(drop)?,
        };
        order.check().map(|()| order).map_err(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(quantity: i32) -> NewOrder {
        NewOrder {
            customer: "Ada".into(),
            item: "cards".into(),
            quantity,
        }
    }

    #[test]
    fn many_cost_less_a_piece() {
        for (quantity, total) in [
            (1, 1_000),
            (3, 3_000),
            (99, 99_000),
            (100, 90_000),
            (1_000, 900_000),
        ] {
            assert_eq!(order(quantity).total_cents(), total, "{quantity}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_the_field_s_name() {
        for quantity in [i32::MIN, 0, 1_001] {
            let mistake = order(quantity).check().unwrap_err();
            assert_eq!(mistake, "quantity: must be between 1 and 1000");
        }
        let nameless = NewOrder {
            customer: " ".into(),
            ..order(1)
        };
        assert!(nameless.check().unwrap_err().starts_with("customer: "));
    }

    #[test]
    fn a_seed_has_three_parts() {
        assert_eq!("Ada:cards:2".parse(), Ok(order(2)));
        for text in [
            "",
            "Ada",
            "Ada:cards",
            "Ada:cards:many",
            "Ada:cards:0",
            "Ada:cards:2:3",
        ] {
            assert_eq!(text.parse::<NewOrder>(), Err(()), "{text}");
        }
    }
}
