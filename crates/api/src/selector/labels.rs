//! What must be true of an object's labels.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;

use super::SelectorError;
use super::text;

/// A label selector. An empty one selects everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LabelSelector {
    pub(super) requirements: Vec<Requirement>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Requirement {
    pub(super) key: String,
    pub(super) condition: Condition,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    In(BTreeSet<String>),
    NotIn(BTreeSet<String>),
    Exists,
    DoesNotExist,
    GreaterThan(i64),
    LessThan(i64),
}

impl LabelSelector {
    /// Reads the text form: `app=web,tier!=cache,zone in (a,b),!canary`.
    ///
    /// # Errors
    /// [`SelectorError`]: `unable to parse requirement: found '&', expected: …`.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let requirements = text::parse(text).map_err(SelectorError)?;
        Ok(Self { requirements })
    }

    /// Whether it selects an object with these labels.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let met = |requirement: &Requirement| requirement.condition.holds(labels.get(&requirement.key));
        self.requirements.iter().all(met)
    }

    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }
}

impl TryFrom<&meta::LabelSelector> for LabelSelector {
    type Error = SelectorError;

    /// Fails for an operator that there isn't: `"Is" is not a valid label selector operator`.
    fn try_from(selector: &meta::LabelSelector) -> Result<Self, SelectorError> {
        let exact = selector.match_labels.iter().flatten();
        let mut requirements: Vec<_> = exact
            .map(|(key, value)| Requirement {
                key: key.clone(),
                condition: Condition::In(BTreeSet::from([value.clone()])),
            })
            .collect();
        for expression in selector.match_expressions.iter().flatten() {
            let values = || expression.values.iter().flatten().cloned().collect();
            let condition = match expression.operator.as_str() {
                "In" => Condition::In(values()),
                "NotIn" => Condition::NotIn(values()),
                "Exists" => Condition::Exists,
                "DoesNotExist" => Condition::DoesNotExist,
                other => {
                    let why = format!("{other:?} is not a valid label selector operator");
                    return Err(SelectorError(why));
                }
            };
            requirements.push(Requirement {
                key: expression.key.clone(),
                condition,
            });
        }
        Ok(Self { requirements })
    }
}

impl Condition {
    fn holds(&self, value: Option<&String>) -> bool {
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match self {
            Self::In(values) => value.is_some_and(|value| values.contains(value)),
            Self::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            Self::Exists => value.is_some(),
            Self::DoesNotExist => value.is_none(),
            Self::GreaterThan(bound) => number().is_some_and(|number| number > *bound),
            Self::LessThan(bound) => number().is_some_and(|number| number < *bound),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn labels(text: &str) -> BTreeMap<String, String> {
        let pairs = text.split(',').filter_map(|label| label.split_once('='));
        pairs
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn selectors_select() {
        let web = labels("app=web,tier=front,size=10,in=yes,empty=");
        let cases = [
            ("", true),
            ("app=web", true),
            ("app==web", true),
            (" app = web , tier != back ", true),
            ("app=api", false),
            ("zone!=a", true),
            ("app in (api, web)", true),
            ("app in (api,db),tier", false),
            ("app notin (api,db)", true),
            ("zone notin (a)", true),
            ("app notin (web)", false),
            ("app,!zone", true),
            ("!app", false),
            ("size>9,size<11", true),
            ("size>10", false),
            ("app>1", false),
            ("empty=", true),
            ("empty", true),
            ("empty in (,x)", true),
            ("empty in ()", true),
            ("in=yes,in in (in,yes)", true),
            ("app.kubernetes.io/name!=web", true),
        ];
        for (text, expected) in cases {
            let selector = LabelSelector::parse(text).unwrap();
            assert_eq!(selector.matches(&web), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_selector_is_refused_in_kubernetes_words() {
        let cases = [
            ("=web", "found '=', expected: !, identifier, or 'end of string'"),
            ("app=web,", "found '', expected: identifier after ','"),
            ("app=web tier", "found 'tier', expected: ',' or 'end of string'"),
            ("!app=web", "found '=', expected: ',' or 'end of string'"),
            (
                "app is web",
                "unable to parse requirement: found 'is', expected: in, notin, =, ==, !=, gt, lt",
            ),
            ("!", "unable to parse requirement: found '', expected: identifier"),
            (
                "app=(",
                "unable to parse requirement: found '(', expected: identifier",
            ),
            (
                "app in web",
                "unable to parse requirement: found 'web' expected: '('",
            ),
            (
                "app in (",
                "unable to parse requirement: found '', expected: ',', ')' or identifier",
            ),
            (
                "app in (web",
                "unable to parse requirement: found '', expected: ',' or ')'",
            ),
            (
                "app in (web,",
                "unable to parse requirement: found '', expected: ',', or identifier",
            ),
            (
                "size>big",
                "unable to parse requirement: values[0]: Invalid value: \"big\": for 'Gt', 'Lt' operators, the value \
                 must be an integer",
            ),
            (
                "-app=web",
                "unable to parse requirement: <nil>: Invalid value: \"-app\": name part must consist of alphanumeric \
                 characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or \
                 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
            ),
            (
                "app in (a,-b)",
                "unable to parse requirement: values[0][app]: Invalid value: \"-b\": a valid label must be an empty \
                 string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
                 alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is \
                 '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
            ),
        ];
        for (text, expected) in cases {
            let refused = LabelSelector::parse(text).unwrap_err();
            assert_eq!(refused.to_string(), expected, "{text:?}");
        }
    }

    #[test]
    fn objects_are_selectors_too() {
        let web = labels("app=web,tier=front");
        let expression = |key: &str, operator: &str, values: &[&str]| json!({"key": key, "operator": operator, "values": values});
        let cases = [
            (json!({}), true),
            (json!({"matchLabels": {"app": "web"}}), true),
            (json!({"matchLabels": {"app": "web", "zone": "a"}}), false),
            (
                json!({"matchExpressions": [expression("app", "In", &["web", "api"])]}),
                true,
            ),
            (
                json!({"matchExpressions": [expression("zone", "NotIn", &["a"])]}),
                true,
            ),
            (
                json!({"matchExpressions": [expression("zone", "Exists", &[])]}),
                false,
            ),
            (
                json!({"matchExpressions": [expression("zone", "DoesNotExist", &[])]}),
                true,
            ),
        ];
        for (object, expected) in cases {
            let selector: meta::LabelSelector = serde_json::from_value(object.clone()).unwrap();
            let selector = LabelSelector::try_from(&selector).unwrap();
            assert_eq!(selector.matches(&web), expected, "{object}");
        }
        let unknown = json!({"matchExpressions": [expression("app", "Is", &["web"])]});
        let unknown: meta::LabelSelector = serde_json::from_value(unknown).unwrap();
        assert_eq!(
            LabelSelector::try_from(&unknown).unwrap_err().to_string(),
            "\"Is\" is not a valid label selector operator"
        );
    }
}
