//! References of data: every format says the same, parts add up to the whole, and what cannot be read has its place.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::command::{Desk, gzip};
use crate::service::{RunningService, fresh};
use crate::store_support::{Fixture, on_each_engine};

on_each_engine! {
    a_reference_of_data_goes_to_a_service_or_into_the_database,
    a_reference_of_a_range_of_the_log,
}

const HEADER: &str = "age,income,city,owner,predicted,score,truth\n";
const ROWS: &str = "42,1000.5,Paris,True,yes,0.9,yes\n17,,Rome,False,no,0.75,yes\n65,250,Paris,NA,yes,0.5,no\n";
const LINES: &str = r#"{"age": 42, "income": 1000.5, "city": "Paris", "owner": true, "predicted": "yes", "score": 0.9, "truth": "yes"}
{"age": 17, "income": null, "city": "Rome", "owner": false, "predicted": "no", "score": 0.75, "truth": "yes"}
{"city": "Paris", "age": 65.0, "income": 250, "predicted": "yes", "score": 0.5, "truth": "no"}
"#;
const ANSWER: [&str; 6] = ["--prediction", "predicted", "--confidence", "score", "--label", "truth"];

const SCORE_R: f64 = 0.403_369_101_956_105;

/// The profile without the time when it was made.
fn counted(desk: &Desk, words: &[&str]) -> Value {
    let mut profile = desk.profile(words);
    assert!(profile.as_object_mut().unwrap().remove("created_at").is_some());
    profile
}

#[test]
fn every_format_says_the_same() {
    let desk = Desk::new();
    let csv = format!("{HEADER}{ROWS}");
    desk.put("a.csv", &csv);
    desk.put("b.csv.gz", gzip(csv.as_bytes()));
    desk.put("c.csv", format!("\u{feff}{}", csv.replace('\n', "\r\n")));
    desk.put("d.tsv", csv.replace(',', "\t"));
    desk.put("e.txt", csv.replace(',', ";"));
    desk.put("f.ndjson", LINES);
    desk.put("g.jsonl.gz", gzip(LINES.as_bytes()));
    let of = |words: &[&str]| counted(&desk, &[words, &ANSWER].concat());
    let profile = of(&["a.csv"]);
    for file in ["b.csv.gz", "c.csv", "d.tsv", "f.ndjson", "g.jsonl.gz"] {
        assert_eq!(of(&[file]), profile, "{file}");
    }
    assert_eq!(of(&["e.txt", "--format", "csv", "--delimiter", ";"]), profile);
    let counts = &profile["counts"];
    assert_eq!((&counts["n"], &counts["c"]["n"]), (&json!(3), &json!({ "no": 1, "yes": 2 })));
    assert_eq!((&counts["l"]["n"], &counts["l"]["r"]), (&json!(3), &json!(1)));
    let named = counts["v"].as_object().unwrap();
    assert_eq!(named.keys().collect::<Vec<_>>(), ["age", "city", "income", "owner"]);
    assert_eq!(
        (&named["income"]["m"], &named["income"]["lo"], &named["income"]["hi"]),
        (&json!(1), &json!(250.0), &json!(1000.5))
    );
    assert_eq!(named["owner"], json!({ "c": { "n": { "false": 1, "true": 1 } }, "m": 1 }));
    // Python's statistics.correlation([42, 17, 65], [0.9, 0.75, 0.5])
    let r = profile["correlations"]["features"]["age"].as_f64().unwrap();
    assert!((r - -0.599_514_780_411_124).abs() < 1e-9, "{r}");
    assert_eq!(profile["correlations"]["answer"], "confidence");
    let of_score = of(&["a.csv", "--positive", "yes"]);
    // The same with [0.9, 0.25, 0.5].
    let r = of_score["correlations"]["features"]["age"].as_f64().unwrap();
    assert!(of_score["correlations"]["answer"] == "score" && (r - SCORE_R).abs() < 1e-9, "{r}");
}

#[test]
fn a_declaration_says_what_the_columns_are() {
    let desk = Desk::new();
    desk.put("a.csv", "zip,age,pay,y\n01234,4,9,1\n00001,5,8,0\n");
    let declaration = "task = \"classification\"\nlabels = [\"no\", \"yes\"]\n\
        [[features]]\nname = \"zip\"\nkind = \"category\"\n[[features]]\nname = \"pay\"\nkind = \"number\"\nkeep = false\n";
    desk.put("model.toml", declaration);
    let profile = counted(&desk, &["a.csv", "--declaration", "model.toml", "--prediction", "y"]);
    assert_eq!(profile["counts"]["c"]["n"], json!({ "no": 1, "yes": 1 }));
    assert_eq!(profile["counts"]["v"], json!({ "zip": { "c": { "n": { "00001": 1, "01234": 1 } } } }));
    assert_eq!(profile["counts"]["u"]["pay"]["lo"], json!(8.03125), "what may not be kept is the middle of its bin");
    let regression = counted(&desk, &["a.csv", "--prediction", "y", "--task", "regression", "--without", "zip"]);
    assert_eq!((&regression["counts"]["y"]["lo"], &regression["counts"]["y"]["hi"]), (&json!(0.0), &json!(1.0)));
    let correlations = &regression["correlations"];
    let is = |feature: &str, r: f64| (correlations["features"][feature].as_f64().unwrap() - r).abs() < 1e-9;
    assert!(correlations["answer"] == "value" && is("age", -1.0) && is("pay", 1.0), "{correlations}");
}

#[test]
fn times_infinities_and_huge_numbers_of_a_csv_file_are_what_those_of_parquet_are() {
    let desk = Desk::new();
    desk.put("a.csv", "at,day,n,x\n2026-01-01T10:00:00Z,,1e300,-999\n2026-01-02 10:00:00,2026-01-02,inf,5\n");
    desk.put("a.ndjson", "{\"at\": \"2026-01-01T10:00:00Z\", \"n\": 1}\n{\"at\": \"x\", \"n\": 2}\n");
    let said = desk.done(&["profile", "--model", "m", "a.csv", "--missing", "-999"]);
    let counts = serde_json::from_str::<Value>(&said.out).unwrap()["counts"]["v"].clone();
    assert_eq!(counts.as_object().unwrap().keys().collect::<Vec<_>>(), ["n", "x"]);
    assert_eq!((&counts["n"]["m"], &counts["x"]["m"], &counts["x"]["hi"]), (&json!(1), &json!(1), &json!(5.0)));
    for line in ["at is left out: it holds times", "day is left out: it holds times", "numbers from 1e300 to 1e300"] {
        assert!(said.err.contains(line), "{line}: {said:?}");
    }
    let said = desk.done(&["profile", "--model", "m", "a.ndjson"]);
    assert!(said.err.contains("at is left out: it holds times"), "{said:?}");
    // Whoever asks for a column of times by its name has its texts counted.
    let asked = desk.profile(&["a.csv", "--features", "at"]);
    assert_eq!(asked["counts"]["v"]["at"]["c"]["n"].as_object().unwrap().len(), 2);
    for flag in ["--since", "--until"] {
        let refusal = desk.run(&["profile", "--model", "m", flag, "2026-03-01T00:00:00+25:00"]);
        assert!(refusal.code == 2 && refusal.err.contains("more than 23 hours"), "{refusal:?}");
    }
}

#[test]
fn what_may_not_be_kept_is_told_by_nothing_that_a_profile_says() {
    let desk = Desk::new();
    desk.put("a.csv", "pay,debt,ssn,city\n1234.5678,5,SECRET-1,Rome\n98765.4321,6,SECRET-2,SECRET-3\n");
    desk.put("b.csv", "pay,debt,ssn,city\nSECRET-4,5,x,Rome\n");
    let declared = json!({ "features": [
        { "name": "pay", "kind": "number", "keep": false }, { "name": "debt", "kind": "number" },
        { "name": "ssn", "kind": "category", "keep": false },
        { "name": "city", "kind": "category", "categories": ["Rome"], "keep": false },
    ] });
    desk.put("model.json", declared.to_string());
    let words = |file| ["profile", "--model", "credit", "--declaration", "model.json", file];
    let said = desk.done(&words("a.csv"));
    let counts = serde_json::from_str::<Value>(&said.out).unwrap()["counts"].clone();
    assert_eq!((&counts["u"]["pay"]["lo"], &counts["u"]["pay"]["hi"]), (&json!(1236.0), &json!(98560.0)));
    assert_eq!(counts["u"]["ssn"], json!({ "c": { "o": 2 } }));
    assert_eq!(counts["u"]["city"], json!({ "c": { "n": { "Rome": 1 }, "o": 1 } }));
    assert_eq!(counts["v"]["debt"]["lo"], json!(5.0));
    let refusal = desk.refusal(&words("b.csv"));
    assert!(refusal.contains("column pay holds a text, and numbers are expected"), "{refusal}");
    for secret in ["SECRET", "1234.5678", "98765"] {
        assert!(!format!("{said:?}{refusal}").contains(secret), "{secret}: {said:?}{refusal}");
    }
}

#[test]
fn what_cannot_be_read_is_named_by_file_row_and_column() {
    let desk = Desk::new();
    desk.put("a.csv", format!("{HEADER}{ROWS}old,1,Paris,True,yes,0.5,no\n"));
    desk.put("short.csv", format!("{HEADER}{ROWS}1,2\n"));
    desk.put("twice.csv", "a,a\n1,2\n");
    desk.put("latin.csv", b"city\nK\xf6ln\n");
    desk.put("array.ndjson", "[{\"a\": 1}]\n");
    desk.put("bad.ndjson", "{\"a\": 1}\n\n{\"a\": \n");
    desk.put("whole.csv", "y\n1\n");
    desk.put("cut.parquet", "PAR1");
    desk.put("empty.csv", "");
    let refusal = |words: &[&str]| desk.refusal(&[&["profile", "--model", "credit"], words].concat());
    for (words, says) in [
        (&["a.csv"][..], "error: a.csv: row 4: column age holds \"old\", and numbers are expected"),
        (&["short.csv"], "short.csv: row 4: it has 2 fields, and the header names 7"),
        (&["twice.csv"], "two columns are called \"a\""),
        (&["latin.csv"], "row 1: column city is not UTF-8"),
        (&["array.ndjson"], "it is a JSON array"),
        (&["bad.ndjson"], "bad.ndjson: row 2: it is no JSON object"),
        (&["whole.csv", "--prediction", "y"], "--task classification or --task regression"),
        (&["whole.csv", "--prediction", "z"], "there is no column z; it has y"),
        (&["cut.parquet"], "cannot be read"),
        (&["empty.csv"], "the file is empty"),
        (&["nowhere.csv"], "nowhere.csv: it cannot be opened"),
        (&[], "name files, or a range of the log"),
    ] {
        let said = refusal(words);
        assert!(said.contains(says), "{words:?}: {said}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn parts_of_a_table_add_up_to_the_whole(
        rows in proptest::collection::vec(("[0-9]{1,3}|", "[a-c]|", "yes|no", 0_u8..=100), 1..30),
        cut in 0_usize..30,
    ) {
        let lines: Vec<String> =
            rows.iter().map(|(age, city, class, score)| format!("{age},{city},{class},{}\n", f64::from(*score) / 100.0)).collect();
        let (first, second) = lines.split_at(cut.min(lines.len()));
        let desk = Desk::new();
        let header = "age,city,predicted,score\n";
        desk.put("whole.csv", format!("{header}{}", lines.concat()));
        desk.put("first.csv", format!("{header}{}", first.concat()));
        desk.put("second.csv", format!("{header}{}", second.concat()));
        let answer = ["--prediction", "predicted", "--confidence", "score"];
        let mut whole = counted(&desk, &[&["whole.csv"], &answer[..]].concat());
        let mut parts = counted(&desk, &[&["second.csv", "first.csv"], &answer[..]].concat());
        let r = |profile: &mut Value| {
            let correlations = profile.as_object_mut().unwrap().remove("correlations");
            correlations.and_then(|correlations| correlations["features"]["age"].as_f64()).unwrap_or(2.0)
        };
        let [r_whole, r_parts] = [r(&mut whole), r(&mut parts)];
        prop_assert!((r_whole - r_parts).abs() < 1e-9);
        prop_assert_eq!(whole, parts);
    }
}

async fn references(service: &RunningService) -> Value {
    service.get("/drift/reference?model=credit").await.json()["references"].clone()
}

async fn a_reference_of_data_goes_to_a_service_or_into_the_database(fixture: Fixture) {
    let desk = Desk::new();
    desk.put("a.csv", format!("{HEADER}{ROWS}"));
    let command = [&["profile", "--model", "credit", "a.csv"], &ANSWER[..]].concat();
    let database = fixture.flag();
    desk.done(&[&["--database", &database], &command[..], &["--into-database"]].concat());
    let service = fresh(&fixture, &[]).await;
    let first = references(&service).await;
    assert_eq!((first.as_array().unwrap().len(), &first[0]["counts"]["n"]), (1, &json!(3)));
    let url = format!("http://{}", service.address());
    let said = desk.done(&[&command[..], &["--to", &url, "--without", "city"]].concat());
    assert!(said.err.contains("it is the reference of credit now"), "{said:?}");
    let second = references(&service).await;
    assert_eq!(second.as_array().unwrap().len(), 1);
    assert!(second[0]["counts"]["v"]["city"].is_null() && !first[0]["counts"]["v"]["city"].is_null());
    assert_eq!(second[0]["correlations"], first[0]["correlations"]);
}

async fn a_reference_of_a_range_of_the_log(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let record = |age: u32, minute: u32| {
        json!({
            "model": "credit", "label": "yes", "confidence": f64::from(age) / 100.0, "features": { "age": age },
            "occurred_at": format!("2026-03-01T10:{minute:02}:00Z"),
        })
    };
    service.store(&[record(20, 0), record(40, 4), record(60, 5), record(80, 10)]).await;
    let desk = Desk::new();
    let database = fixture.flag();
    let range = ["profile", "--model", "credit", "--since", "2026-03-01T10:00:00Z", "--until", "2026-03-01T10:10:00Z"];
    let said = desk.done(&[&["--database", &database], &range[..]].concat());
    let profile: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&profile["counts"]["n"], &profile["counts"]["v"]["age"]["hi"]), (&json!(3), &json!(60.0)));
    assert!((profile["correlations"]["features"]["age"].as_f64().unwrap() - 1.0).abs() < 1e-9);
    let nothing = ["profile", "--model", "other", "--since", "2026-03-01T10:00:00Z"];
    let said = crate::store_support::apart(|| desk.run(&[&["--database", &database], &nothing[..]].concat()));
    assert!(said.code == 1 && said.err.contains("no predictions of other"), "{said:?}");
}
