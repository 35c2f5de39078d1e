//! A picture as clients send it whom nobody has told of a Content-Type.

use std::path::PathBuf;
use std::process::Command;

use testkit::{Launch, alone, pypi, root, skip_without};

use super::run;

/// The libraries that people ask with in Python.
const LIBRARIES: &[pypi::Package] = &[("aiohttp", "3.14.5"), ("httpx", "0.28.1"), ("requests", "2.34.2")];

fn cat() -> PathBuf {
    root().join("deploy/models/cifar10/examples/cat.jpg")
}

fn script(name: &str) -> PathBuf {
    root().join("crates/system-tests/tests/clients").join(name)
}

#[tokio::test(flavor = "multi_thread")]
async fn libraries_of_python_need_no_header() {
    let _alone = alone().await;
    let Some(python) = pypi::python(LIBRARIES, "a picture sent by requests, httpx and aiohttp") else { return };
    let service = Launch::inference().start().await;
    let mut command = Command::new(python);
    let answered = run(command.arg(script("pictures.py")).arg(service.address.to_string()).arg(cat()));
    let counted = service.metrics().await.count("predictions_total", &[("status", "success")]);
    assert_eq!((answered, counted), (10, 10));
}

#[tokio::test(flavor = "multi_thread")]
async fn fetch_needs_no_header() {
    let _alone = alone().await;
    let Some(node) = skip_without("node", "a picture sent by fetch") else { return };
    let service = Launch::inference().start().await;
    let mut command = Command::new(node);
    let answered = run(command.arg(script("pictures.mjs")).arg(service.address.to_string()).arg(cat()));
    assert_eq!(answered, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_needs_no_header() {
    let _alone = alone().await;
    let Some(curl) = skip_without("curl", "a picture sent by curl") else { return };
    let service = Launch::inference().start().await;
    let cat = cat().display().to_string();
    for (option, value) in [
        ("--data-binary", format!("@{cat}")),
        ("--upload-file", cat.clone()),
        ("--form", format!("file=@{cat}")),
        ("--form", format!("image[]=@{cat};type=image/pjpeg")),
    ] {
        let url = format!("http://{}/predict", service.address);
        let asked = Command::new(&curl).args(["--silent", "--request", "POST", option, &value, &url]).output().unwrap();
        let answer = String::from_utf8_lossy(&asked.stdout).into_owned();
        assert!(answer.contains("\"label\":\"cat\""), "{option} {value}: {answer}");
    }
}
