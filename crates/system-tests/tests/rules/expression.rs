//! The tokens of a PromQL expression, as far as mutations have to tell them apart.

use std::ops::Range;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// A metric, label, function or keyword.
    Name,
    /// `0.05`
    Number,
    /// `5m`
    Duration,
    /// `"5.."`, quotes included.
    Text,
    /// Comparisons, matchers, arithmetic, brackets, commas.
    Sign,
}

/// One token and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) at: Range<usize>,
}

const LONG_SIGNS: [&str; 6] = ["==", "!=", "=~", "!~", ">=", "<="];

/// Cuts an expression into its tokens.
///
/// # Panics
/// If the expression is not ASCII, or a text has no end.
pub(crate) fn tokens(expression: &str) -> Vec<Token> {
    assert!(expression.is_ascii());
    let mut tokens = Vec::new();
    let mut start = 0;
    while let Some(first) = expression[start..].chars().next() {
        let rest = &expression[start..];
        let (kind, length) = match first {
            ' ' | '\n' => {
                start += 1;
                continue;
            }
            '"' => (Kind::Text, rest[1..].find('"').expect("the text has an end") + 2),
            '0'..='9' => number_or_duration(rest),
            'a'..='z' | 'A'..='Z' | '_' => {
                (Kind::Name, span(rest, |c| c.is_ascii_alphanumeric() || c == '_' || c == ':'))
            }
            _ if LONG_SIGNS.iter().any(|sign| rest.starts_with(sign)) => (Kind::Sign, 2),
            _ => (Kind::Sign, 1),
        };
        tokens.push(Token { kind, at: start..start + length });
        start += length;
    }
    tokens
}

fn number_or_duration(rest: &str) -> (Kind, usize) {
    let digits = span(rest, |c| c.is_ascii_digit() || c == '.');
    let unit = span(&rest[digits..], |c| c.is_ascii_alphabetic());
    (if unit == 0 { Kind::Number } else { Kind::Duration }, digits + unit)
}

/// How far a text goes on like this.
fn span(text: &str, like_this: impl Fn(char) -> bool) -> usize {
    text.find(|c| !like_this(c)).unwrap_or(text.len())
}

#[test]
fn an_expression_is_cut_where_promql_cuts_it() {
    let expression = r#"sum by (le) (rate(a:b_total{x=~"5..|6", y!="z"}[5m] offset 1h)) >= 0.05"#;
    let found: Vec<_> = tokens(expression).into_iter().map(|token| (token.kind, &expression[token.at])).collect();
    let names = ["sum", "by", "le", "rate", "a:b_total", "x", "y", "offset"];
    let of = |kind| found.iter().filter(|(k, _)| *k == kind).map(|(_, text)| *text).collect::<Vec<_>>();
    assert_eq!(of(Kind::Name), names);
    assert_eq!(of(Kind::Duration), ["5m", "1h"]);
    assert_eq!(of(Kind::Number), ["0.05"]);
    assert_eq!(of(Kind::Text), ["\"5..|6\"", "\"z\""]);
    assert_eq!(of(Kind::Sign).concat(), "()((=~,!={}[]))>=".replace("{}", "").replace("=~,!=", "{=~,!=}"));
}
