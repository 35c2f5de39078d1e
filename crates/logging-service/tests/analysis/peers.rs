//! The numbers compared with those of scipy, numpy and scikit-learn, on the same counts and rows.
//!
//! Rule of thumb: the peers get counts and rows, never a result of ours.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::samples::{CLASSES, InjectedDrift, sample_row, sample_window};
use logging_service::analysis::bins::{ComparedCounts, FrozenBins, compare_classes};
use logging_service::analysis::noise::NoiseFloors;
use logging_service::analysis::{Feature, LabelSign, LabelledObservation, WindowCounts, compare, divergence, quality};
use serde_json::{Value, json};
use testkit::pypi;

pub(crate) const PACKAGES: [pypi::Package; 3] = [("numpy", "2.4.6"), ("scipy", "1.17.1"), ("scikit-learn", "1.9.1")];
pub(crate) const TOLERANCE: f64 = 1e-9;
const ALPHA: f64 = 0.05 / 13.0;

/// One comparison that the peers repeat: counts in bins, and on the fine grid for Wasserstein.
struct PeerCase {
    bins: ComparedCounts,
    fine: ComparedCounts,
    positions: Vec<f64>,
}

#[test]
fn the_peers_find_the_same_numbers() {
    let held = "whether the statistics are those of scipy and scikit-learn";
    let Some(python) = pypi::python(&PACKAGES, held) else { return };
    let cases = cases();
    let LabelledRows { counts, rows } = labelled_rows();
    let work = json!({ "cases": cases.iter().map(as_json).collect::<Vec<_>>(), "rows": rows });
    let answer = ask(&python, "statistics.py", &work);
    for (case, theirs) in cases.iter().zip(answer["compared"].as_array().unwrap()) {
        check_case(case, theirs);
    }
    check_quality(&counts, &answer["quality"]);
}

fn check_case(case: &PeerCase, theirs: &Value) {
    let now = &case.bins.current[..];
    let then = &case.bins.reference[..];
    let (n, m) = (now.iter().sum(), then.iter().sum());
    let chi = divergence::chi_squared(now, then);
    let ks = divergence::kolmogorov_smirnov(now, then);
    let noise = NoiseFloors::new(n, m, ALPHA);
    let ours = [
        ("psi", divergence::psi(now, then)),
        ("js", divergence::jensen_shannon(now, then)),
        ("ks", ks),
        ("ks_p", divergence::kolmogorov_p_value(ks, n, m)),
        ("wasserstein", divergence::wasserstein(&case.fine.current, &case.fine.reference, &case.positions)),
        ("chi2", chi.cramers_v),
        ("chi2_p", chi.p_value),
        ("linf", divergence::l_infinity(now, then)),
        ("psi_floor", noise.psi(chi.freedom)),
        ("chi2_floor", noise.cramers_v(chi.freedom)),
    ];
    for (name, value) in ours {
        // For a single bin the peers have no χ² test.
        if chi.freedom > 0 || !theirs[name].is_null() {
            assert_near(name, value, &theirs[name]);
        }
    }
}

fn check_quality(counts: &WindowCounts, theirs: &Value) {
    let ours = quality(counts, None);
    for (name, value) in [
        ("accuracy", ours.accuracy.unwrap()),
        ("coverage", ours.coverage),
        ("calibration_error", ours.calibration_error.unwrap()),
        ("expected_accuracy", ours.expected_accuracy.unwrap()),
        ("macro_f1", ours.macro_f1.unwrap()),
        ("lag_mean_seconds", ours.lag_mean_seconds.unwrap()),
    ] {
        assert_near(name, value, &theirs[name]);
    }
    let classes: Vec<&str> = ours.classes.iter().map(|class| class.class.as_str()).collect();
    assert_eq!(json!(classes), theirs["classes"]);
    for (index, class) in ours.classes.iter().enumerate() {
        assert_near("precision", class.precision, &theirs["precision"][index]);
        assert_near("recall", class.recall, &theirs["recall"][index]);
        assert_near("f1", class.f1, &theirs["f1"][index]);
        assert_eq!(json!(class.support), theirs["support"][index]);
    }
}

fn assert_near(name: &str, ours: f64, theirs: &Value) {
    let theirs = theirs.as_f64().unwrap_or_else(|| panic!("{name} is missing"));
    assert!((ours - theirs).abs() <= TOLERANCE, "{name}: {ours} here, {theirs} there");
}

/// Windows of several sizes, with and without drift, in all features.
fn cases() -> Vec<PeerCase> {
    let mut random = fastrand::Rng::with_seed(7);
    let reference = sample_window(&mut random, 1_000, InjectedDrift::default());
    let mut cases = Vec::new();
    for (rows, brighter) in [(3, 0.0), (100, 0.0), (100, 1.5), (2_000, 0.3)] {
        let current = sample_window(&mut random, rows, InjectedDrift { brighter, trucks: brighter / 10.0 });
        assert!(!compare(&reference, &current).features.is_empty());
        let classes = compare_classes(&reference.classes, &current.classes);
        let positions = (0..classes.current.len()).map(|index| index as f64).collect();
        cases.push(PeerCase { fine: classes.clone(), bins: classes, positions });
        cases.extend(Feature::ALL.map(|feature| case(feature, &reference, &current)));
    }
    cases
}

fn case(feature: Feature, reference: &WindowCounts, current: &WindowCounts) -> PeerCase {
    let (then, now) = (reference.feature(feature), current.feature(feature));
    let bins = FrozenBins::of(feature.bins(), then);
    let fine = |tally: &logging_service::analysis::Tally| {
        (0..feature.bins()).map(|bin| u64::try_from(tally.get(bin)).unwrap()).collect()
    };
    PeerCase {
        bins: ComparedCounts { reference: bins.count(then), current: bins.count(now) },
        fine: ComparedCounts { reference: fine(then), current: fine(now) },
        positions: feature.positions().to_vec(),
    }
}

fn as_json(case: &PeerCase) -> Value {
    json!({
        "current": case.bins.current, "reference": case.bins.reference, "alpha": ALPHA,
        "fine_current": case.fine.current, "fine_reference": case.fine.reference, "positions": case.positions,
    })
}

/// The same labelled rows for both sides.
struct LabelledRows {
    counts: WindowCounts,
    /// The rows as JSON.
    rows: Vec<Value>,
}

/// Makes rows of which most have a label; some labels are a class that is never predicted.
fn labelled_rows() -> LabelledRows {
    let mut random = fastrand::Rng::with_seed(11);
    let mut counts = WindowCounts::default();
    let mut rows = Vec::new();
    for _ in 0..2_000 {
        let row = sample_row(&mut random, InjectedDrift::default());
        counts.observe(&row.observation());
        let truth = match random.f64() {
            draw if draw < 0.2 => None,
            draw if draw < 0.8 => Some(row.label),
            draw if draw < 0.82 => Some("zebra"),
            _ => Some(CLASSES[random.usize(0..8)].0),
        };
        let lag = f64::from(random.u32(0..100_000_000)) / 1e3;
        if let Some(truth) = truth {
            let label = LabelledObservation::class(row.label, truth, Some(row.confidence), lag);
            counts.label(&label, LabelSign::Add);
        }
        rows.push(json!({"predicted": row.label, "truth": truth, "confidence": row.confidence, "lag": lag}));
    }
    LabelledRows { counts, rows }
}

/// Runs one of the scripts beside these tests.
pub(crate) fn ask(python: &Path, script: &str, work: &Value) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(script);
    let mut child =
        Command::new(python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python starts");
    child.stdin.take().unwrap().write_all(work.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the peers failed");
    serde_json::from_slice(&output.stdout).unwrap()
}
