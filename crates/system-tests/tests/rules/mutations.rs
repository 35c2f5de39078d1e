//! Small mistakes that somebody could make in a rule: half or twice a number, a window or a waiting time, a comparison
//! the other way round, a label too many or too few.

use std::ops::Range;

use serde_json::Value;

use crate::catalogue::Rule;
use crate::expression::{Kind, Token, tokens};

/// A rule with one mistake in it.
pub(crate) struct Mutation {
    /// Which rule it is, of all rules.
    pub(crate) rule: usize,
    /// The mistake in words; no two are called alike.
    pub(crate) name: String,
    /// The rule's members, with the mistake.
    pub(crate) body: Value,
}

/// A change of an expression: what stands there is replaced by something else.
type Change = (Range<usize>, String);

/// All mutations of all rules.
pub(crate) fn mutations(rules: &[Rule]) -> Vec<Mutation> {
    rules.iter().enumerate().flat_map(|(index, rule)| of_rule(index, rule)).collect()
}

fn of_rule(index: usize, rule: &Rule) -> Vec<Mutation> {
    let mut mutations = Vec::new();
    // Rules that share a name differ in one label besides the severity.
    let labels = ["window", "loss", "limit"].iter().filter_map(|label| rule.body["labels"][label].as_str());
    let title: Vec<_> = [rule.name()].into_iter().chain(labels).collect();
    let title = title.join(" ");
    for (place, replacement) in changes(rule.expression()) {
        let mut body = rule.body.clone();
        let mut expression = rule.expression().to_owned();
        expression.replace_range(place.clone(), &replacement);
        body["expr"] = Value::from(expression);
        let before = &rule.expression()[place.clone()];
        let name = format!("{title}: `{before}` becomes `{replacement}` at {}", place.start);
        mutations.push(Mutation { rule: index, name, body });
    }
    for hold in rule.body["for"].as_str().into_iter().flat_map(half_and_twice) {
        let mut body = rule.body.clone();
        let name = format!("{title}: for {} becomes {hold}", rule.body["for"]);
        body["for"] = Value::from(hold);
        mutations.push(Mutation { rule: index, name, body });
    }
    mutations
}

fn changes(expression: &str) -> Vec<Change> {
    let tokens = tokens(expression);
    let text = |token: &Token| &expression[token.at.clone()];
    let mut changes = Vec::new();
    let mut in_braces = false;
    for (index, token) in tokens.iter().enumerate() {
        let next = tokens.get(index + 1).map(text);
        match (token.kind, text(token)) {
            (Kind::Number, number) => changes.extend(numbers(number).map(|other| (token.at.clone(), other))),
            (Kind::Duration, window) => {
                changes.extend(half_and_twice(window).into_iter().map(|other| (token.at.clone(), other)));
            }
            (Kind::Sign, "{") => in_braces = true,
            (Kind::Sign, "}") => in_braces = false,
            (Kind::Name, _) if in_braces => changes.extend(matcher(expression, &tokens[index..])),
            (Kind::Sign, sign) if !in_braces => {
                changes.extend(comparisons(sign, next).into_iter().map(|other| (token.at.clone(), other.to_owned())));
            }
            (Kind::Name, "by" | "on") => changes.extend(labels(expression, &tokens[index + 1..])),
            _ => {}
        }
    }
    changes
}

/// Half and twice a number; nothing of 0.
fn numbers(number: &str) -> impl Iterator<Item = String> {
    let number: f64 = number.parse().expect("a number");
    [0.5, 2.0].into_iter().filter(move |_| number != 0.0).map(move |factor| (number * factor).to_string())
}

/// Half and twice a duration.
fn half_and_twice(duration: &str) -> [String; 2] {
    let (number, unit) = duration.split_at(duration.len() - 1);
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => panic!("no unit of time: {duration}"),
    };
    let seconds = number.parse::<u64>().expect("a duration") * unit;
    [seconds / 2, seconds * 2].map(|seconds| format!("{seconds}s"))
}

/// The other way round, and with or without equality where the difference is one of small whole numbers.
fn comparisons(sign: &str, next: Option<&str>) -> Vec<&'static str> {
    let countable = next.is_some_and(|next| ["0", "1", "2"].contains(&next));
    match sign {
        ">" if countable => vec!["<", ">="],
        ">" | ">=" => vec!["<"],
        "<" => vec![">"],
        "==" => vec!["!="],
        _ => vec![],
    }
}

/// The opposite of a matcher, no matcher at all, and each of several alternatives left out.
fn matcher(expression: &str, tokens: &[Token]) -> Vec<Change> {
    let [_, sign, value, end, ..] = tokens else { panic!("a matcher has a value: {expression}") };
    let place = tokens[0].at.start..value.at.end;
    let opposite = match &expression[sign.at.clone()] {
        "=" => "!=",
        "!=" => "=",
        "=~" => "!~",
        _ => "=~",
    };
    let gone = if &expression[end.at.clone()] == "," { place.start..end.at.end } else { place };
    let mut changes = vec![(sign.at.clone(), opposite.to_owned()), (gone, String::new())];
    let alternatives: Vec<_> = expression[value.at.clone()].trim_matches('"').split('|').collect();
    if alternatives.len() > 1 {
        for left_out in 0..alternatives.len() {
            let mut rest = alternatives.clone();
            rest.remove(left_out);
            changes.push((value.at.clone(), format!("\"{}\"", rest.join("|"))));
        }
    }
    changes
}

/// Each label left out of a list in round brackets.
fn labels(expression: &str, tokens: &[Token]) -> Vec<Change> {
    let close = tokens.iter().position(|token| &expression[token.at.clone()] == ")").expect("the list has an end");
    let names: Vec<_> = tokens[1..close].iter().filter(|token| token.kind == Kind::Name).collect();
    let list = tokens[1].at.start..tokens[close].at.start;
    (0..names.len())
        .map(|left_out| {
            let rest: Vec<_> = names.iter().enumerate().filter(|(index, _)| *index != left_out).collect();
            let rest: Vec<_> = rest.into_iter().map(|(_, token)| &expression[token.at.clone()]).collect();
            (list.clone(), rest.join(", "))
        })
        .collect()
}

#[test]
fn the_mistakes_of_an_expression_are_these() {
    let expression = r#"sum by (job, model) (rate(a{x=~"b|c"}[5m])) > 0.05"#;
    let found: Vec<_> = changes(expression)
        .into_iter()
        .map(|(place, replacement)| {
            let mut changed = expression.to_owned();
            changed.replace_range(place, &replacement);
            changed
        })
        .collect();
    let expected = [
        r#"sum by (model) (rate(a{x=~"b|c"}[5m])) > 0.05"#,
        r#"sum by (job) (rate(a{x=~"b|c"}[5m])) > 0.05"#,
        r#"sum by (job, model) (rate(a{x!~"b|c"}[5m])) > 0.05"#,
        r#"sum by (job, model) (rate(a{}[5m])) > 0.05"#,
        r#"sum by (job, model) (rate(a{x=~"c"}[5m])) > 0.05"#,
        r#"sum by (job, model) (rate(a{x=~"b"}[5m])) > 0.05"#,
        r#"sum by (job, model) (rate(a{x=~"b|c"}[150s])) > 0.05"#,
        r#"sum by (job, model) (rate(a{x=~"b|c"}[600s])) > 0.05"#,
        r#"sum by (job, model) (rate(a{x=~"b|c"}[5m])) < 0.05"#,
        r#"sum by (job, model) (rate(a{x=~"b|c"}[5m])) > 0.025"#,
        r#"sum by (job, model) (rate(a{x=~"b|c"}[5m])) > 0.1"#,
    ];
    assert_eq!(found, expected);
}
