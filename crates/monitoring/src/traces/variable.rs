//! Reading one variable of the environment.

use std::env;

/// A variable's value. OpenTelemetry treats an empty variable like one that is not set.
pub(super) fn variable(name: &str) -> Option<String> {
    env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}
