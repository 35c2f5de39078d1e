//! What the clients of the tests ask for.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use testkit::{Load, Pair, Picture, RunningLoad, Shot, copy_model, model_folder, pictures};

const LOAD: Load = Load::open(2, 100.0);

/// A model that is there and cannot be loaded.
pub(crate) const BROKEN_MODEL: &str = "broken";

/// Pictures for both models, and rows with tags for `tumour`, all of which are answered; few show a defect.
pub(crate) fn ordinary(pair: &Pair) -> RunningLoad {
    let (images, surface, rows) = (pictures("cifar10"), pictures("surface"), rows());
    let ok = fs::read(model_folder().join("surface/examples/ok.png")).unwrap();
    let ok = Picture { content_type: "image/png", bytes: ok };
    LOAD.start(&pair.inference, move |number| match number % 20 {
        0 => Shot::picture("surface", &surface[number / 20 % surface.len()]),
        1 | 11 => row(&rows[number / 10 % rows.len()], ["north", "south"][number / 20 % 2]),
        even if even % 2 == 0 => Shot::picture("surface", &ok),
        _ => Shot::picture("cifar10", &images[number / 2 % images.len()]),
    })
}

/// All kinds of trouble: refusals, defects, batches, rows that do not fit, and a model that does not serve.
pub(crate) fn troubled(pair: &Pair) -> RunningLoad {
    let (surface, images, rows) = (pictures("surface"), pictures("cifar10"), rows());
    LOAD.start(&pair.inference, move |number| match number % 10 {
        0 => Shot::new("/predict", "text/plain", "hello"),
        1 => Shot::new("/predict?model=surface", "image/png", "no picture"),
        2 => Shot::picture("nobody", &surface[0]),
        3 => Shot::picture(BROKEN_MODEL, &surface[0]),
        4 => {
            let batch: Vec<String> = images.iter().map(|image| BASE64_STANDARD.encode(&image.bytes)).collect();
            Shot::new("/predict", "application/json", json!({"model": "cifar10", "images": batch}).to_string())
        }
        5 => row(&rows[number / 10 % rows.len()], ["north", "south"][number / 10 % 2]),
        6 => row(&json!({ "radius": "wide" }), "north"),
        _ => Shot::picture("surface", &surface[number % surface.len()]),
    })
}

/// The rows that come with `tumour`, without what they really are.
fn rows() -> Vec<Value> {
    let table = fs::read_to_string(model_folder().join("tumour/examples/rows.csv")).unwrap();
    let mut lines = table.lines().map(|line| line.split(','));
    let names: Vec<&str> = lines.next().unwrap().collect();
    let row = |cells: std::str::Split<'_, char>| {
        let named = names.iter().zip(cells).filter(|(name, _)| **name != "diagnosis");
        named.map(|(name, cell)| ((*name).to_owned(), json!(cell.parse::<f64>().unwrap()))).collect()
    };
    lines.map(row).collect()
}

/// One row for `tumour`, with the tag that it declares.
fn row(row: &Value, site: &str) -> Shot {
    let body = json!({"model": "tumour", "rows": [row], "tags": {"site": site}});
    Shot::new("/predict", "application/json", body.to_string())
}

/// Puts the shipped models into a folder, and one beside them whose file is cut short.
pub(crate) fn repository_with_a_broken_model(folder: &Path) {
    for model in ["cifar10", "surface", "tumour"] {
        copy_model(model, folder, model);
    }
    copy_model("surface", folder, BROKEN_MODEL);
    let file = folder.join(BROKEN_MODEL).join("1/model.onnx");
    let bytes = fs::read(&file).unwrap();
    fs::write(file, &bytes[..bytes.len() / 2]).unwrap();
}
