//! One scrape, as numbers.

use std::collections::BTreeMap;

/// The samples of one scrape in the classic text format.
#[derive(Clone, Debug)]
pub struct Metrics(Vec<Sample>);

#[derive(Clone, Debug)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

impl Metrics {
    /// Reads the text.
    ///
    /// # Panics
    /// If a line is no sample.
    pub fn parse(text: &str) -> Self {
        let samples = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self(samples.map(|line| sample(line).unwrap_or_else(|| panic!("no sample: {line}"))).collect())
    }

    /// The sum over the series of this name that have all these labels.
    ///
    /// # Panics
    /// If there is no such series: a misspelt name is not 0.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let mut chosen = self.chosen(name, labels).peekable();
        assert!(chosen.peek().is_some(), "no series {name} with {labels:?}");
        chosen.map(|sample| sample.value).sum()
    }

    /// The same, or `None` if there is no such series (yet).
    pub fn find(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.chosen(name, labels).next().is_some().then(|| self.value(name, labels))
    }

    /// The same as a whole number.
    ///
    /// # Panics
    /// If it is none, or there is no such series.
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let value = self.value(name, labels);
        assert!(value >= 0.0 && value.fract() == 0.0, "{name} is {value}");
        value as u64
    }

    /// The counts of this name by the values of one label, without zeros.
    pub fn counts_by(&self, name: &str, labels: &[(&str, &str)], by: &str) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for sample in self.chosen(name, labels).filter(|sample| sample.value > 0.0) {
            *counts.entry(sample.labels.get(by).cloned().unwrap_or_default()).or_default() += sample.value as u64;
        }
        counts
    }

    /// Every series, by its name and labels.
    pub fn series(&self) -> impl Iterator<Item = (&str, &BTreeMap<String, String>)> {
        self.0.iter().map(|sample| (sample.name.as_str(), &sample.labels))
    }

    fn chosen<'a>(&'a self, name: &'a str, labels: &'a [(&str, &str)]) -> impl Iterator<Item = &'a Sample> {
        self.0.iter().filter(move |sample| {
            let has = |(label, value): &(&str, &str)| sample.labels.get(*label).is_some_and(|other| other == value);
            sample.name == name && labels.iter().all(has)
        })
    }
}

/// Reads `name{label="value",…} number`.
fn sample(line: &str) -> Option<Sample> {
    let (series, value) = line.rsplit_once(' ')?;
    let value = value.parse().ok()?;
    let Some((name, rest)) = series.split_once('{') else {
        return Some(Sample { name: series.to_owned(), labels: BTreeMap::new(), value });
    };
    let mut labels = BTreeMap::new();
    let mut rest = rest.strip_suffix('}')?;
    while !rest.is_empty() {
        let (label, after) = rest.split_once("=\"")?;
        let (content, after) = quoted(after)?;
        labels.insert(label.to_owned(), content);
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    Some(Sample { name: name.to_owned(), labels, value })
}

/// The text up to the closing quote, unescaped, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut content = String::new();
    let mut characters = text.char_indices();
    loop {
        match characters.next()? {
            (end, '"') => return Some((content, &text[end + 1..])),
            (_, '\\') => content.push(match characters.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            (_, character) => content.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_chosen_by_labels_and_summed() {
        let text = "# HELP a x\n# TYPE a counter\na{m=\"x, y\",s=\"\\\"ok\\\"\"} 2\na{m=\"z\",s=\"no\"} 1e1\nb 0.5\n";
        let metrics = Metrics::parse(text);
        assert_eq!(metrics.count("a", &[]), 12);
        assert_eq!(metrics.count("a", &[("s", "\"ok\"")]), 2);
        assert_eq!(metrics.counts_by("a", &[], "m"), BTreeMap::from([("x, y".to_owned(), 2), ("z".to_owned(), 10)]));
        assert_eq!(metrics.value("b", &[]), 0.5);
    }

    #[test]
    #[should_panic(expected = "no series")]
    fn an_absent_series_is_not_0() {
        Metrics::parse("a 1\n").value("a", &[("m", "x")]);
    }
}
