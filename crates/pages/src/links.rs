//! Links with a query, in which everything is escaped.

use std::fmt::{self, Display, Write as _};

/// The query of a link: `?model=cifar10&since=…`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(String);

impl Query {
    /// The query with one more parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Display) -> Self {
        self.0.push(if self.0.is_empty() { '?' } else { '&' });
        self.push(name);
        self.0.push('=');
        self.push(&value.to_string());
        self
    }

    /// The query with a parameter that may be missing.
    #[must_use]
    pub fn with_some(self, name: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    fn push(&mut self, text: &str) {
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
                self.0.push(byte.into());
            } else {
                // Writing into a string does not fail.
                let _ = write!(self.0, "%{byte:02X}");
            }
        }
    }
}

impl Display for Query {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_link_says_is_escaped() {
        assert_eq!(Query::default().to_string(), "");
        let query = Query::default().with("model", "a&b=\"<ü>\"").with_some("version", None::<&str>).with("n", 3);
        assert_eq!(query.to_string(), "?model=a%26b%3D%22%3C%C3%BC%3E%22&n=3");
    }
}
