//! What pages about the models' files in a window have in common.

use axum::http::Uri;
use jiff::Timestamp;
use maud::{Markup, html};
use monitoring::ApiError;
use pages::short;
use prediction_record::parse_time;

use super::parameters::PageParameters;
use crate::evaluation::EvaluationWindow;
use crate::queries::model_window::{JudgedInterval, JudgedModels, WindowFacts, WindowJudge, judge_models};
use crate::store::Store;
use crate::store::time::TimeRange;

/// Files of models that one page shows.
const MOST_FILES: usize = 10;
/// About so many intervals show how something went over time.
const INTERVALS: i64 = 24;

/// Something about one model's file in a window.
pub(super) trait AboutFile {
    /// Which file, and which window.
    fn facts(&self) -> &WindowFacts;
}

/// A page about each model's file in a window.
pub(super) struct WindowPage<T> {
    pub(super) title: &'static str,
    /// What explains the page; it stands before the files.
    pub(super) key: Markup,
    /// Takes from the counts of a file what is shown of it.
    pub(super) judge: WindowJudge<T>,
    /// Shows a file.
    pub(super) show: fn(&T) -> Markup,
    /// Shows a file over time.
    pub(super) over_time: fn(&T, &[FileInterval<'_, T>]) -> Markup,
}

/// A file in an interval.
pub(super) struct FileInterval<'a, T> {
    pub(super) range: TimeRange,
    /// Nothing, if there were no predictions.
    pub(super) file: Option<&'a T>,
}

impl<T: AboutFile + Send + 'static> WindowPage<T> {
    /// The content for the window that the address asks for.
    ///
    /// # Errors
    /// Those of the question.
    pub(super) async fn content(&self, store: &Store, uri: &Uri) -> Result<Markup, ApiError> {
        let parameters = PageParameters::of_form(uri)?;
        let files = self.files(store, &parameters).await?;
        Ok(html! {
            h1 { (self.title) }
            (choice(&parameters))
            (files)
        })
    }

    /// The files alone, as they also stand in a report.
    ///
    /// # Errors
    /// Those of the question.
    pub(super) async fn files(&self, store: &Store, parameters: &PageParameters) -> Result<Markup, ApiError> {
        let question = with_intervals(parameters)?;
        let JudgedModels { models, left_out, intervals } = judge_models(store, &question, self.judge).await?;
        let more = (models.len().saturating_sub(MOST_FILES) as u64).saturating_add(left_out.unwrap_or_default());
        Ok(html! {
            (self.key)
            @if models.is_empty() { p { "No predictions in this window." } }
            @for (place, file) in models.iter().take(MOST_FILES).enumerate() {
                (heading(file.facts(), parameters))
                ((self.show)(file))
                @if place == 0 && !intervals.is_empty() { ((self.over_time)(file, &of_file(&intervals, file.facts()))) }
            }
            @if more > 0 { p { (more) " more files; choose a model in the overview." } }
        })
    }
}

/// The question of the address; for one model also by intervals.
fn with_intervals(parameters: &PageParameters) -> Result<Uri, ApiError> {
    match (parameters.get("model"), interval(parameters)) {
        (Some(_), Some(interval)) => parameters.question_with("interval", &interval),
        _ => parameters.question(),
    }
}

/// The length of intervals that shows how a window went; nothing for a range without a beginning, or of no length.
fn interval(parameters: &PageParameters) -> Option<String> {
    let [since, until] = ["since", "until"].map(|name| parameters.get(name));
    if since.is_none() && until.is_none() {
        let window = parameters.get("window").unwrap_or(EvaluationWindow::Day.as_str());
        return Some(EvaluationWindow::ALL.into_iter().find(|known| known.as_str() == window)?.interval().to_owned());
    }
    let until = until.map_or_else(|| Some(Timestamp::now()), |until| parse_time(until).ok())?;
    let minutes = (until.as_second() - parse_time(since?).ok()?.as_second()) / 60;
    let length = match minutes / INTERVALS {
        short if short < 1_440 => format!("{}m", (short / 5 + 1) * 5),
        long => format!("{}d", (long / 1_440 + 1).min(99_999)),
    };
    (minutes > 0).then_some(length)
}

fn heading(facts: &WindowFacts, parameters: &PageParameters) -> Markup {
    html! {
        h2 {
            (facts.model)
            @if let Some(digest) = &facts.model_sha256 { " " code.quiet title=(digest) { (short(digest, 9)) } }
            @if let Some(segment) = &facts.segment { " " span.quiet { (segment.tag) " = " (segment.value) } }
        }
        @if parameters.get("model").is_none() {
            p { a href=(parameters.but(&[], "model", Some(&facts.model)).to_string()) { "Over time" } }
        }
    }
}

/// What the intervals say of one file.
fn of_file<'a, T: AboutFile>(intervals: &'a [JudgedInterval<T>], facts: &WindowFacts) -> Vec<FileInterval<'a, T>> {
    let is_same = |file: &&T| {
        let found = file.facts();
        found.model_sha256 == facts.model_sha256 && found.segment == facts.segment
    };
    let of = |interval: &'a JudgedInterval<T>| FileInterval {
        range: interval.range,
        file: interval.models.iter().find(is_same),
    };
    intervals.iter().map(of).collect()
}

/// The range alone.
fn range_of(parameters: &PageParameters) -> pages::Query {
    let of = |query: pages::Query, name: &str| query.with_some(name, parameters.get(name));
    ["window", "since", "until"].into_iter().fold(pages::Query::default(), of)
}

/// Links to the same page for other windows, and to all models.
pub(super) fn choice(parameters: &PageParameters) -> Markup {
    let [since, until] = ["since", "until"].map(|name| parameters.get(name));
    let is_range = since.is_some() || until.is_some();
    let chosen = parameters.get("window").unwrap_or(if is_range { "" } else { EvaluationWindow::Day.as_str() });
    let of_window = |window: &str| parameters.but(&["since", "until", "interval"], "window", Some(window)).to_string();
    html! {
        p.windows {
            "The last "
            @for window in EvaluationWindow::ALL {
                a href=(of_window(window.as_str())) aria-current=[(window.as_str() == chosen).then_some("true")] { (window.as_str()) }
            }
            @if is_range { "Now from " b { (since.unwrap_or("the beginning")) } " to " b { (until.unwrap_or("now")) } " " }
            @if let Some(model) = parameters.get("model") {
                "of " b { (model) } " " a href=(parameters.but(&["model", "interval"], "by", None).to_string()) { "all models" }
                a href={ "compare" (pages::Query::default().with("model", model)) } { "compare" }
                a href={ "report/" (model) (range_of(parameters)) } download="" { "report" }
            }
        }
    }
}
