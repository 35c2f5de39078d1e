//! What labels the result of a query has, found by walking its tree as Prometheus evaluates it; and what is wrong
//! with it.
//!
//! Rule of thumb: a query that can have no result, or that asks for what nothing exposes, is a complaint, although
//! Prometheus takes it and is silent.

use std::collections::BTreeSet;

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{
    AggregateExpr, BinaryExpr, Call, Expr, LabelModifier, VectorMatchCardinality, VectorSelector, parse,
    value::ValueType,
};

use crate::catalogue::Catalogue;
use crate::labels::{Labels, Values, impossible_values, union};

/// What is found out about a query.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// The labels of its result.
    pub(crate) labels: Labels,
    /// What is wrong.
    pub(crate) complaints: Vec<String>,
    /// The metrics that it asks for, those that are there.
    pub(crate) metrics: BTreeSet<String>,
    /// The metrics that it asks for in vain.
    pub(crate) missing: BTreeSet<String>,
}

/// Reads a query.
pub(crate) fn read(query: &str, catalogue: &Catalogue) -> Reading {
    let mut reader = Reader { catalogue, reading: Reading::default() };
    match parse(query) {
        Ok(tree) => reader.reading.labels = reader.labels(&tree),
        Err(error) => reader.complain(error),
    }
    reader.reading
}

struct Reader<'a> {
    catalogue: &'a Catalogue,
    reading: Reading,
}

impl Reader<'_> {
    fn complain(&mut self, complaint: String) {
        self.reading.complaints.push(complaint);
    }

    fn labels(&mut self, tree: &Expr) -> Labels {
        match tree {
            Expr::VectorSelector(selector) => self.selector(selector),
            Expr::MatrixSelector(selector) => self.selector(&selector.vs),
            Expr::Aggregate(aggregate) => self.aggregate(aggregate),
            Expr::Binary(binary) => self.binary(binary),
            Expr::Call(call) => self.call(call),
            Expr::Paren(inner) => self.labels(&inner.expr),
            Expr::Unary(inner) => self.labels(&inner.expr),
            Expr::Subquery(inner) => self.labels(&inner.expr),
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) => Labels::new(),
            Expr::Extension(_) => unreachable!("only made by whoever extends the parser"),
        }
    }

    fn selector(&mut self, selector: &VectorSelector) -> Labels {
        let matchers: Vec<&Matcher> =
            selector.matchers.matchers.iter().chain(selector.matchers.or_matchers.iter().flatten()).collect();
        let (names, matchers): (Vec<&Matcher>, Vec<&Matcher>) =
            matchers.into_iter().partition(|matcher| matcher.name == "__name__");
        let is_meant = |name: &str| {
            selector.name.as_deref().is_none_or(|wanted| wanted == name)
                && names.iter().all(|matcher| matcher.is_match(name))
        };
        let mut labels = Labels::new();
        let mut found = false;
        for (name, of_metric) in self.catalogue.iter().filter(|(name, _)| is_meant(name)) {
            labels = union(labels, of_metric.clone());
            self.reading.metrics.insert(name.to_owned());
            found = true;
        }
        if !found {
            self.complain(format!("nothing exposes {selector}"));
            self.reading.missing.extend(selector.name.clone());
        }
        for matcher in matchers.into_iter().filter(|_| found) {
            match labels.get(&matcher.name) {
                None => self.complain(format!("{selector} has no label {}", matcher.name)),
                Some(values) => {
                    for value in impossible_values(matcher, values) {
                        self.complain(format!("no series of {selector} can have {}={value:?}", matcher.name));
                    }
                }
            }
        }
        labels
    }

    fn aggregate(&mut self, aggregate: &AggregateExpr) -> Labels {
        let mut inner = self.labels(&aggregate.expr);
        if let Some(parameter) = &aggregate.param {
            self.labels(parameter);
        }
        let operator = aggregate.op.to_string();
        if let Some(modifier) = &aggregate.modifier {
            // Its name is a label of a series as long as nothing has been made of it.
            let has_name = matches!(*aggregate.expr, Expr::VectorSelector(_));
            let is_there = |label: &String| inner.contains_key(label) || has_name && label == "__name__";
            for label in modifier.labels().labels.iter().filter(|label| !is_there(label)) {
                self.complain(format!("{operator} groups by {label}, which {} does not have", aggregate.expr));
            }
        }
        let picks = ["topk", "bottomk", "limitk", "limit_ratio"].contains(&operator.as_str());
        match &aggregate.modifier {
            _ if picks => {}
            Some(LabelModifier::Include(by)) => inner.retain(|label, _| by.labels.contains(label)),
            Some(LabelModifier::Exclude(without)) => inner.retain(|label, _| !without.labels.contains(label)),
            None => inner.clear(),
        }
        inner
    }

    fn binary(&mut self, binary: &BinaryExpr) -> Labels {
        let (left, right) = (self.labels(&binary.lhs), self.labels(&binary.rhs));
        if binary.lhs.value_type() == ValueType::Scalar {
            return right;
        }
        if binary.rhs.value_type() == ValueType::Scalar {
            return left;
        }
        let operator = binary.op.to_string();
        let modifier = binary.modifier.as_ref();
        let matching = modifier.and_then(|modifier| modifier.matching.as_ref());
        self.check_matching(binary, &left, &right, matching);
        let keep = |mut labels: Labels| {
            labels.retain(|label, _| match matching {
                Some(LabelModifier::Include(on)) => on.labels.contains(label),
                Some(LabelModifier::Exclude(ignoring)) => !ignoring.labels.contains(label),
                None => true,
            });
            labels
        };
        match (operator.as_str(), modifier.map(|modifier| &modifier.card)) {
            ("and" | "unless", _) => left,
            ("or", _) => union(left, right),
            (_, Some(VectorMatchCardinality::ManyToOne(added))) => self.grouped(left, &right, &added.labels),
            (_, Some(VectorMatchCardinality::OneToMany(added))) => self.grouped(right, &left, &added.labels),
            _ => keep(left),
        }
    }

    /// Labels that are matched have to be on both sides. Where none are named, the sides need the same, or no series
    /// of one finds its partner on the other.
    fn check_matching(&mut self, binary: &BinaryExpr, left: &Labels, right: &Labels, matching: Option<&LabelModifier>) {
        let names = |labels: &Labels, without: &[String]| -> BTreeSet<String> {
            labels.keys().filter(|label| !without.contains(label)).cloned().collect()
        };
        if let Some(LabelModifier::Include(on)) = matching {
            for label in &on.labels {
                if !left.contains_key(label) || !right.contains_key(label) {
                    self.complain(format!("one side has no {label} to be matched on: {binary}"));
                }
            }
            return;
        }
        let ignored = matching.map_or(&[][..], |matching| &matching.labels().labels);
        for label in ignored.iter().filter(|label| !left.contains_key(*label) && !right.contains_key(*label)) {
            self.complain(format!("neither side has {label}, which is ignored: {binary}"));
        }
        let (left, right) = (names(left, ignored), names(right, ignored));
        if left != right && binary.op.to_string() != "or" {
            self.complain(format!("the sides never match, {left:?} and {right:?}: {binary}"));
        }
    }

    fn grouped(&mut self, mut many: Labels, one: &Labels, added: &[String]) -> Labels {
        for label in added {
            match one.get(label) {
                Some(values) => drop(many.insert(label.clone(), values.clone())),
                None => self.complain(format!("there is no {label} to be taken over from the other side")),
            }
        }
        many
    }

    fn call(&mut self, call: &Call) -> Labels {
        let arguments = &call.args.args;
        let mut labels = Labels::new();
        for argument in arguments {
            labels = union(labels, self.labels(argument));
        }
        match call.func.name {
            "histogram_quantile" if labels.remove("le").is_none() => self.complain(format!("no le is left for {call}")),
            "label_replace" | "label_join" => {
                if let Some(Expr::StringLiteral(target)) = arguments.get(1).map(Box::as_ref) {
                    let replacement = match arguments.get(2).map(Box::as_ref) {
                        Some(Expr::StringLiteral(text)) if call.func.name == "label_replace" => text.val.as_str(),
                        _ => "$",
                    };
                    let values = if replacement.contains('$') { Values::Any } else { Values::just(replacement) };
                    labels = union(labels, [(target.val.clone(), values)].into());
                }
            }
            "absent" | "absent_over_time" => labels = matched_labels(&arguments[0]),
            "scalar" => labels.clear(),
            _ => {}
        }
        labels
    }
}

/// The labels of what is absent: those that it was asked for with.
fn matched_labels(argument: &Expr) -> Labels {
    let selector = match argument {
        Expr::VectorSelector(selector) => selector,
        Expr::MatrixSelector(selector) => &selector.vs,
        _ => return Labels::new(),
    };
    let equal = selector.matchers.matchers.iter().filter(|matcher| matches!(matcher.op, MatchOp::Equal));
    equal.map(|matcher| (matcher.name.clone(), Values::just(&matcher.value))).collect()
}
