//! A report of a model and a range: one file, fit for an e-mail, with the figures of the pages.

use axum::extract::{Path, State};
use axum::http::{Uri, header};
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use maud::{Markup, html};
use monitoring::ApiError;
use pages::{at, count, minute, percent, seconds, whole_file};
use utoipa::IntoParams;

use super::parameters::{PageParameters, question};
use super::site::SERVICE;
use super::{drift, quality};
use crate::app::App;
use crate::evaluation::EvaluationWindow;
use crate::openapi::refusal_sets::QueryRefusals;
use crate::queries::parameters::refused;
use crate::queries::stats;
use crate::store::Store;

/// What a browser may do with a report: nothing but to show it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/// The range of a report; the last 24 hours if none is given.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "it describes what the page reads out of the address")]
pub(crate) struct ReportQuery {
    /// A window that ends now, instead of `since` and `until`.
    #[param(inline)]
    window: Option<EvaluationWindow>,
    /// The beginning of the range.
    #[param(format = DateTime)]
    since: Option<String>,
    /// The end of the range; not part of it.
    #[param(format = DateTime)]
    until: Option<String>,
}

/// A report of a model, as one HTML file that needs nothing else
#[utoipa::path(
    get,
    path = "/ui/report/{model}",
    operation_id = "reportPage",
    tag = "pages",
    params(("model" = String, Path, description = "Name of the model", example = "cifar10"), ReportQuery),
    responses((status = 200, description = "The file", body = String, content_type = "text/html"), QueryRefusals)
)]
pub(crate) async fn report(State(app): State<App>, Path(model): Path<String>, uri: Uri) -> Result<Response, ApiError> {
    let file = file(&app.store, &model, &uri).await?;
    // No name of a model has other characters.
    let named: String =
        model.chars().filter(|letter| letter.is_ascii_alphanumeric() || "._-".contains(*letter)).collect();
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"report-{named}.html\"")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::CONTENT_SECURITY_POLICY, POLICY.to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    Ok((headers, file).into_response())
}

/// The report of a model in the range that an address asks for.
///
/// # Errors
/// Those of the questions.
pub(crate) async fn file(store: &Store, model: &str, uri: &Uri) -> Result<String, ApiError> {
    let given = PageParameters::of_form(uri)?;
    if let Some((name, _)) = given.beside(&["window", "since", "until"]).next() {
        return Err(refused(&format!("a report takes window, or since and until, and not {name}")));
    }
    let parameters = PageParameters::of_form(&question(&given.but(&[], "model", Some(model)))?)?;
    let title = format!("{model} · report of {SERVICE}");
    let summary = summary(store, &parameters, model).await?;
    let (quality, drift) =
        (quality::content().files(store, &parameters).await?, drift::content().files(store, &parameters).await?);
    let content = html! {
        h1 { "Report: " (model) }
        (summary)
        section { h2 { "Quality" } (quality) }
        section { h2 { "Drift" } (drift) }
        p.quiet {
            "Made on " (minute(Timestamp::now())) " UTC by " (SERVICE) " " (env!("CARGO_PKG_VERSION"))
            ". Ranges of accuracy are score intervals of 95 %; what noise alone reaches stands beside each measure of drift."
        }
    };
    Ok(whole_file(&title, &content))
}

/// What came in, in the range of the report.
async fn summary(store: &Store, parameters: &PageParameters, model: &str) -> Result<Markup, ApiError> {
    let [since, until] = ["since", "until"].map(|name| parameters.get(name));
    let window = parameters.get("window").or((since.is_none() && until.is_none()).then_some("24h"));
    let asked = pages::Query::default().with_some("window", window).with_some("since", since).with_some("until", until);
    let report = stats::report_of(store, &question(&asked)?).await?;
    let Some(summary) = report.stats.models.get(model) else {
        return Ok(html! { p { "No predictions in this range." } });
    };
    Ok(html! {
        @match window {
            Some(window) => p { "The last " (window) " until " (minute(Timestamp::now())) " UTC." },
            None => p { "From " (since.unwrap_or("the beginning")) " to " (until.unwrap_or("now")) "." },
        }
        ul.tiles {
            li { b { (count(summary.predictions)) } "predictions" }
            li { b { (summary.errors_share().map_or("–".to_owned(), percent)) } (count(summary.errors)) " failed" }
            li { b { (summary.mean_latency_seconds.map_or("–".to_owned(), seconds)) } "mean latency" }
            li { b { @match summary.last_occurred_at { Some(last) => (at(last)), None => "–" } } "latest, UTC" }
        }
    })
}
