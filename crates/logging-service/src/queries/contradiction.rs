//! What a person declares that cannot be, or would never have an effect.
//!
//! Rule of thumb: it is held against the whole, file and person together, and only a person is refused. A file is sent
//! whenever its model is loaded, and a declaration that was turned away would take back what may not be kept.

use jiff::Timestamp;
use prediction_record::{AlertThresholds, InvalidRecord, ModelDeclaration, Task};

use crate::analysis::PsiThresholds;

/// The first thing of `given` that cannot be; `whole` is what holds with it.
pub(super) fn contradiction(
    given: &ModelDeclaration,
    whole: &ModelDeclaration,
    now: Timestamp,
) -> Option<InvalidRecord> {
    levels(given.thresholds, whole.thresholds).or_else(|| of_other_task(given, whole)).or_else(|| {
        let until = given.mute.as_ref()?.until;
        (until <= now)
            .then(|| refused("mute.until", format!("({until}) is over, so nothing would be muted; leave it out")))
    })
}

/// A warning that would begin after the drift.
fn levels(given: AlertThresholds, whole: AlertThresholds) -> Option<InvalidRecord> {
    let warning = whole.psi_warning.filter(|_| given.psi_warning.is_some() || given.psi_drift.is_some())?;
    let drift = whole.psi_drift.unwrap_or(PsiThresholds::default().drift);
    let shipped = if whole.psi_drift.is_none() { ", which is shipped with it; declare psi_drift as well" } else { "" };
    (warning > drift).then(|| {
        refused("thresholds.psi_warning", format!("({warning}) must not be greater than psi_drift ({drift}){shipped}"))
    })
}

/// A threshold of something that is never measured of the model.
fn of_other_task(given: &ModelDeclaration, whole: &ModelDeclaration) -> Option<InvalidRecord> {
    let task = whole.task.or((!whole.labels.is_empty()).then_some(Task::Classification))?;
    let AlertThresholds { accuracy, mae, auc, .. } = given.thresholds;
    let measured = [
        ("thresholds.accuracy", accuracy, Task::Classification),
        ("thresholds.auc", auc, Task::Classification),
        ("thresholds.mae", mae, Task::Regression),
        ("tolerance", given.tolerance, Task::Regression),
    ];
    let (field, _, of) = measured.into_iter().find(|(_, value, of)| value.is_some() && *of != task)?;
    Some(refused(field, format!("is of a {}, and the task of this model is {}", of.as_str(), task.as_str())))
}

fn refused(field: &str, problem: String) -> InvalidRecord {
    InvalidRecord { field: field.to_owned(), problem }
}
