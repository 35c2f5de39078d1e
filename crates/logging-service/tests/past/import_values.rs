//! Values of imported rows that are none, or may not be kept.

use serde_json::json;

use crate::command::Desk;
use crate::import::{import, imported};
use crate::service::fresh;
use crate::store_support::{Fixture, on_each_engine};

on_each_engine! {
    what_may_not_be_kept_is_imported_nowhere,
    words_for_no_value_are_no_labels,
    times_have_offsets_of_rfc_3339,
}

async fn what_may_not_be_kept_is_imported_nowhere(fixture: Fixture) {
    let declared = json!({ "task": "classification", "features": [
        { "name": "ssn", "kind": "category", "keep": false }, { "name": "pay", "kind": "number", "keep": false },
        { "name": "age", "kind": "number" },
    ] });
    let rows = "label,ssn,pay,age,undeclared\na,SECRET-1,1234.5678,5,SECRET-2\n";
    let columns = ["--model", "kp", "--at", "2026-03-01T10:00:00Z", "--features", "ssn,pay,age,undeclared"];
    let desk = Desk::new();
    desk.put("a.csv", rows);
    desk.put("model.json", declared.to_string());
    // Who knows of it: the command alone, the service alone, or the database alone.
    for case in ["the command", "the service", "the database"] {
        let other = fixture.another();
        let service = fresh(&other, &[]).await;
        if case != "the command" {
            assert_eq!(service.put("/models/kp", &declared).await.status, 200);
        }
        let address = format!("http://{}", service.address());
        let to = [&["import", "a.csv", "--to", address.as_str()][..], &columns].concat();
        match case {
            "the command" => {
                let said = desk.done(&[&to[..], &["--declaration", "model.json"]].concat());
                assert!(said.err.contains("1 values are left out"), "{said:?}");
            }
            "the service" => drop(desk.done(&to)),
            _ => drop(imported(&desk, &other, &[&["a.csv"][..], &columns].concat())),
        }
        let rows = service.predictions("").await;
        assert_eq!((rows.len(), &rows[0]["features"]), (1, &json!({ "age": 5.0 })), "{case}");
        let counts = service.post("/drift/reference", &json!({ "model": "kp" })).await.json()["counts"].clone();
        assert_eq!(counts["u"]["ssn"]["c"], json!({ "o": 1 }), "{case}");
        assert!(counts["u"]["pay"]["lo"].is_number() && counts["u"].get("undeclared").is_none(), "{case}: {counts}");
        let told = counts.to_string() + &service.get("/export").await.text;
        assert!(!told.contains("SECRET") && !told.contains("1234.5678"), "{case}: {told}");
    }
    desk.put("bad.csv", "label,ssn,pay,age\na,x,SECRET-3,5\n");
    let words = ["bad.csv", "--declaration", "model.json", "--model", "kp", "--at", "2026-03-01T10:00:00Z"];
    let said = import(&desk, &fixture, &[&words[..], &["--features", "ssn,pay,age", "--refused", "refused"]].concat());
    assert!(said.code == 3 && said.err.contains("column pay holds a text, and numbers"), "{said:?}");
    let refused = std::fs::read_to_string(desk.path("refused")).unwrap();
    assert!(!(said.err + &refused).contains("SECRET"), "{refused}");
}

async fn words_for_no_value_are_no_labels(fixture: Fixture) {
    let desk = Desk::new();
    let at = "2026-03-01T10:00:00Z";
    let words = ["NA", "NaN", "None", "null", "nan", "<NA>", "n/a", ""];
    let rows: String = words.iter().map(|word| format!("a,{word}\n")).collect();
    desk.put("truth.csv", format!("label,y\na,a\n{rows}"));
    let said = imported(&desk, &fixture, &["truth.csv", "--model", "m", "--at", at, "--truth", "y"]);
    assert_eq!(said, "predictions: 9 accepted, 0 duplicates; labels: 1 accepted, 0 duplicates; 0 rows refused\n");
    // A row whose label is such a word has none, whether it is a prediction or a label.
    desk.put("rows.csv", "label,confidence\nNA,0.5\nb,NaN\n");
    let said = import(&desk, &fixture, &["rows.csv", "--model", "n", "--at", at]);
    assert!(said.code == 3 && said.out.contains("predictions: 1 accepted") && said.err.contains("row 1"), "{said:?}");
    desk.put("labels.csv", "request_id,label\nx,nan\ny,b\n");
    let said = import(&desk, &fixture, &["labels.csv", "--labels"]);
    assert!(said.code == 3 && said.out.contains("labels: 1 accepted") && said.err.contains("row 1"), "{said:?}");
    // A class may be called so where it is declared, and where other words stand for no value.
    desk.put("model.json", json!({ "task": "classification", "labels": ["NA", "DE"] }).to_string());
    desk.put("countries.csv", "label,y\nNA,DE\nDE,NA\nDE,NaN\n");
    for (model, flags) in [("o", ["--declaration", "model.json"]), ("p", ["--missing", "NaN"])] {
        let words = ["countries.csv", "--model", model, "--at", at, "--truth", "y"];
        let said = imported(&desk, &fixture, &[&words[..], &flags].concat());
        assert_eq!(said, "predictions: 3 accepted, 0 duplicates; labels: 2 accepted, 0 duplicates; 0 rows refused\n");
    }
    let service = fresh(&fixture, &[]).await;
    let quality = service.get("/quality?since=2026-03-01T00:00:00Z&until=2026-03-02T00:00:00Z&model=m").await.json();
    let quality = &quality["models"][0]["quality"];
    assert_eq!((&quality["labelled"], &quality["accuracy"]), (&json!(1), &json!(1.0)));
    assert_eq!(service.predictions("?label=NA").await.len(), 2);
}

async fn times_have_offsets_of_rfc_3339(fixture: Fixture) {
    let desk = Desk::new();
    let [good, wrong] = ["2026-03-01T10:00:00+23:00", "2026-03-01T10:00:00+25:00"];
    for (place, time) in [("at", good), ("wrong", wrong), ("spaced", "2026-03-01 10:00:00+25:00")] {
        desk.put(&format!("{place}.csv"), format!("label,occurred_at\n{place},{time}\n"));
        desk.put(&format!("{place}.ndjson"), json!({ "model": "m", "label": place, "occurred_at": time }).to_string());
    }
    for name in ["at.csv", "at.ndjson"] {
        imported(&desk, &fixture, &[name, "--model", "m"]);
    }
    for name in ["wrong.csv", "wrong.ndjson", "spaced.csv", "spaced.ndjson"] {
        let said = import(&desk, &fixture, &[name, "--model", "m"]);
        assert!(said.code == 3 && said.err.contains("row 1 is refused"), "{name}: {said:?}");
    }
    let said = import(&desk, &fixture, &["at.csv", "--model", "m", "--at", wrong]);
    assert!(said.code == 2 && said.err.contains("more than 23 hours"), "{said:?}");
    assert_eq!(fixture.number("SELECT count(*) FROM predictions"), 2);
}
