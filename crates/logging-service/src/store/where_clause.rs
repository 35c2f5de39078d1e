//! The conditions of a query.
//!
//! Rule of thumb: each condition has its values bound; no input becomes SQL.

use std::borrow::Cow;

use super::value::SqlValue;

/// The conditions of a query, and the values of their placeholders in order.
#[derive(Default)]
pub(super) struct WhereClause {
    clauses: Vec<Cow<'static, str>>,
    /// The values of the placeholders.
    pub(super) values: Vec<SqlValue>,
}

impl WhereClause {
    /// `WHERE …` with its placeholders numbered from 1, or nothing.
    pub(super) fn sql(&self) -> String {
        let mut sql = String::new();
        let mut number = 0;
        for (position, clause) in self.clauses.iter().enumerate() {
            sql.push_str(if position == 0 { "WHERE " } else { " AND " });
            for character in clause.chars() {
                sql.push(if character == '?' { '$' } else { character });
                if character == '?' {
                    number += 1;
                    sql.push_str(&number.to_string());
                }
            }
        }
        sql
    }

    /// The placeholder of one more value.
    pub(super) fn placeholder(&mut self, value: impl Into<SqlValue>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    /// Adds the condition that a column has one of these values; none for an empty list.
    pub(super) fn any_of(&mut self, column: &'static str, values: Vec<String>) {
        if values.is_empty() {
            return;
        }
        let places = vec!["?"; values.len()].join(", ");
        // A single value is written as such, because an index gives its rows in order.
        let clause = if values.len() == 1 { format!("{column} = ?") } else { format!("{column} IN ({places})") };
        self.clauses.push(clause.into());
        self.values.extend(values.into_iter().map(SqlValue::from));
    }

    /// Adds a condition whose values, if it has any, are added beside it.
    pub(super) fn and_plain(&mut self, clause: impl Into<Cow<'static, str>>) {
        self.clauses.push(clause.into());
    }

    /// Adds a condition with its value, if there is one.
    pub(super) fn and(&mut self, clause: &'static str, value: Option<impl Into<SqlValue>>) {
        if let Some(value) = value {
            self.clauses.push(clause.into());
            self.values.push(value.into());
        }
    }
}
