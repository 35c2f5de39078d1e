//! Every form in which an input may come. The same picture gets the same prediction in all of them.

use image::ImageFormat;
use serde_json::{Value, json};

use crate::pictures::{base64, cat, dot, example, numbers, reencoded};
use crate::raw::Connection;
use crate::repository::shipped;
use crate::sent::Sent;
use crate::service::{Answer, serve};

/// The predictions of an answer that must be a success.
fn predictions(name: &str, answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{name}: {answer:?}");
    answer.json()["predictions"].as_array().unwrap().clone()
}

/// Nests numbers as arrays of this shape.
fn nested(values: &[f32], shape: &[usize]) -> Value {
    match shape {
        [] => json!(values[0]),
        [length, inner @ ..] => values.chunks(values.len() / length).map(|part| nested(part, inner)).collect(),
    }
}

/// Base64 as a mail has it.
fn lines(base64: &str, end: &str) -> String {
    let lines = base64.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into_owned());
    lines.collect::<Vec<_>>().join(end)
}

/// One picture in every form for one item.
fn forms(model: &str, jpeg_or_png: &[u8], content_type: &str) -> Vec<(&'static str, Sent)> {
    let (values, [a, b, c]) = numbers(model, jpeg_or_png);
    let (bmp, webp) = (reencoded(jpeg_or_png, ImageFormat::Bmp), reencoded(jpeg_or_png, ImageFormat::WebP));
    let png = reencoded(jpeg_or_png, ImageFormat::Png);
    let text = base64(jpeg_or_png);
    let asked = format!("?model={model}");
    let raw = |content_type: &str, bytes: &[u8]| Sent::new(content_type, bytes).query(&asked);
    let json = |name: &str, value: Value| Sent::json(&json!({ "model": model, name: value }));
    vec![
        ("as it is", raw(content_type, jpeg_or_png)),
        ("png", raw("image/png", &png)),
        ("bmp", raw("image/bmp", &bmp)),
        ("webp", raw("image/webp", &webp)),
        ("a wrong content type of a picture: the bytes decide", raw("image/webp", &bmp)),
        ("parameters of the content type", raw("image/png; charset=binary", &png)),
        ("upper case", raw("IMAGE/PNG", &png)),
        ("a form", Sent::form(&[("model", model.as_bytes()), ("image", jpeg_or_png)])),
        ("a form with the model behind the image", Sent::form(&[("image", &png), ("model", model.as_bytes())])),
        ("a form with the model in the query", Sent::form(&[("image", &webp)]).query(&asked)),
        ("no content type", Sent { body: jpeg_or_png.to_vec(), query: asked.clone(), headers: vec![] }),
        ("what curl says unless told otherwise", raw("application/x-www-form-urlencoded", jpeg_or_png)),
        ("bytes", raw("application/octet-stream", &webp)),
        ("any picture", raw("image/*", &bmp)),
        ("a JPEG as old browsers call it", raw("image/pjpeg", &png)),
        ("a type that there is not", raw("jpeg", &png)),
        ("base64", json("image", text.clone().into())),
        ("base64 without padding", json("image", text.trim_end_matches('=').into())),
        ("base64 with a line end behind", json("image", format!("{text}\n").into())),
        ("base64 in lines", json("image", lines(&text, "\r\n").into())),
        ("base64 of URLs", json("image", text.replace('+', "-").replace('/', "_").into())),
        (
            "a data URL in another spelling",
            json("image", format!("Data:image/png;name=a;BASE64,{}", lines(&text, "\n")).into()),
        ),
        (
            "an escaped data URL",
            json("image", format!("data:;base64,{}", text.replace('+', "%2B").replace('=', "%3D")).into()),
        ),
        ("a data URL", json("image", format!("data:image/bmp;base64,{}", base64(&bmp)).into())),
        ("a list of one", json("images", json!([text]))),
        ("flat numbers", json("input", json!(values))),
        ("nested numbers", json("input", nested(&values, &[a, b, c]))),
        ("nested numbers with a leading 1", json("input", nested(&values, &[1, a, b, c]))),
        ("one of several nested", json("inputs", nested(&values, &[1, a, b, c]))),
        ("one of several flat", json("inputs", nested(&values, &[1, a * b * c]))),
        ("JSON as a text", Sent::new("text/plain", json!({ "model": model, "image": text }).to_string())),
        (
            "JSON as curl's -d sends it",
            Sent::new("application/x-www-form-urlencoded", json!({ "model": model, "image": text }).to_string()),
        ),
        (
            "JSON with a charset",
            Sent { headers: vec![], ..json("input", json!(values)) }
                .header("content-type", "application/JSON; charset=utf-8"),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_a_picture_gets_the_same_prediction() {
    let service = serve(&shipped(), &[]).await;
    for (model, file, content_type, label) in
        [("cifar10", "cat.jpg", "image/jpeg", "cat"), ("surface", "crack.png", "image/png", "crack")]
    {
        let picture = example(model, file);
        let mut expected = None;
        for (name, sent) in forms(model, &picture, content_type) {
            let answer = service.predict(&sent).await;
            let predictions = predictions(name, &answer);
            assert_eq!((predictions.len(), &predictions[0]["label"]), (1, &json!(label)), "{model}, {name}");
            assert_eq!(answer.json()["model"], model, "{name}");
            // Numbers as JSON, pixels without loss: not even the last digit may differ.
            assert_eq!(&predictions, expected.get_or_insert(predictions.clone()), "{model}, {name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_are_answered_in_their_order() {
    let service = serve(&shipped(), &[]).await;
    let pictures = ["dog.jpg", "cat.jpg", "automobile.jpg"].map(|file| example("cifar10", file));
    let (_, [a, b, c]) = numbers("cifar10", &pictures[0]);
    let values: Vec<f32> = pictures.iter().flat_map(|picture| numbers("cifar10", picture).0).collect();
    let parts: Vec<(&str, &[u8])> = pictures.iter().map(|picture| ("image", picture.as_slice())).collect();
    let texts: Vec<String> = pictures.iter().map(|picture| base64(picture)).collect();
    for (name, sent) in [
        ("a form", Sent::form(&parts)),
        ("base64", Sent::json(&json!({ "images": texts }))),
        ("nested", Sent::json(&json!({ "inputs": nested(&values, &[3, a, b, c]) }))),
        ("flat", Sent::json(&json!({ "inputs": nested(&values, &[3, a * b * c]) }))),
    ] {
        let answer = service.predict(&sent).await;
        let labels: Vec<Value> = predictions(name, &answer).iter().map(|one| one["label"].clone()).collect();
        assert_eq!(labels, ["dog", "cat", "automobile"], "{name}");
    }
    let metrics = service.metrics().await;
    assert_eq!(metrics.get(r#"predictions_total{model="cifar10",status="success"}"#), 12.0);
    assert_eq!(metrics.get(r#"prediction_classes_total{class="dog",model="cifar10"}"#), 4.0);
    assert_eq!(metrics.get(r#"prediction_confidence_count{model="cifar10"}"#), 12.0);
    assert_eq!(metrics.get(r#"prediction_batch_size_sum{model="cifar10"}"#), 12.0);
    assert_eq!(metrics.get(r#"prediction_batch_size_count{model="cifar10"}"#), 4.0);
    assert_eq!(metrics.get(r#"prediction_latency_seconds_count{model="cifar10",status="success"}"#), 4.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_batch_is_taken() {
    let service = serve(&shipped(), &["--max-batch", "5"]).await;
    let images = vec![base64(&dot()); 5];
    let answer = service.predict(&Sent::json(&json!({ "model": "surface", "images": images }))).await;
    assert_eq!(predictions("five", &answer).len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_may_come_in_chunks_of_any_size() {
    let service = serve(&shipped(), &[]).await;
    let whole = predictions("whole", &service.predict(&Sent::new("image/jpeg", cat())).await);
    let mut connection = Connection::open(&service);
    for size in [1, 7, 1000, 1_000_000] {
        let sent = Sent::new("image/jpeg", cat());
        let mut bytes = sent.head("transfer-encoding: chunked\r\n").into_bytes();
        for chunk in sent.body.chunks(size) {
            bytes.extend(format!("{:x}\r\n", chunk.len()).bytes());
            bytes.extend_from_slice(chunk);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        connection.send(bytes);
        assert_eq!(predictions("chunks", &connection.answer(false)), whole, "chunks of {size}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shipped_example_is_named_after_its_label() {
    let service = serve(&shipped(), &[]).await;
    for model in ["cifar10", "surface"] {
        let mut examples = 0;
        for file in std::fs::read_dir(shipped().join(model).join("examples")).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            let (stem, extension) = name.rsplit_once('.').unwrap();
            let content_type = format!("image/{}", extension.replace("jpg", "jpeg"));
            let sent = Sent::new(&content_type, example(model, &name)).query(&format!("?model={model}"));
            let prediction = predictions(&name, &service.predict(&sent).await).remove(0);
            let label = stem.split('-').next().unwrap();
            assert_eq!(prediction["label"], label, "{name}");
            assert_eq!(prediction["defect"], model == "surface" && label != "ok", "{name}");
            examples += 1;
        }
        assert!(examples >= 5, "{model} has only {examples} examples");
    }
}

/// A form as a client writes it: each part with the rest of its Content-Disposition.
fn form(parts: &[(&str, &[u8])]) -> Sent {
    let mut body = Vec::new();
    for (disposition, content) in parts {
        body.extend(format!("--b\r\ncontent-disposition: form-data; {disposition}\r\n\r\n").bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--b--\r\n");
    Sent::new("multipart/form-data; boundary=b", body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_a_form_may_have_any_name() {
    let service = serve(&shipped(), &[]).await;
    let (cat, dog) = (cat(), example("cifar10", "dog.jpg"));
    // Larger than most libraries take unless they are told: 3 MB behind the picture.
    let large = [cat.as_slice(), &[0; 3_000_000]].concat();
    for (disposition, content) in [
        (r#"name="file"; filename="cat.jpg""#, &cat),
        (r#"name="files"; filename="cat.jpg""#, &cat),
        (r#"name="image[]"; filename="cat.jpg""#, &cat),
        (r#"name="images"; filename*=UTF-8''k%C3%A4tzchen.jpg"#, &cat),
        (r#"name="upload"; filename="cat.jpg""#, &cat),
        (r#"name="whatever""#, &cat),
        (r#"name="image"; filename=large.jpg"#, &large),
    ] {
        let others: [(&str, &[u8]); 3] = [
            (r#"name="csrf_token""#, b"0af7651916cd43dd"),
            (r#"name="model""#, b""),
            (r#"name="second"; filename="""#, b""),
        ];
        let sent = form(&[&others[..], &[(disposition, content)]].concat());
        let predictions = predictions(disposition, &service.predict(&sent).await);
        assert_eq!((predictions.len(), &predictions[0]["label"]), (1, &json!("cat")), "{disposition}");
    }
    let names = [r#"name="files"; filename="a""#, r#"name="files"; filename="b""#];
    let answer = service.predict(&form(&[(names[0], &dog), (names[1], &cat), (r#"name="top_k""#, b"2")])).await;
    let predictions = predictions("two files", &answer);
    assert_eq!((&predictions[0]["label"], &predictions[1]["label"]), (&json!("dog"), &json!("cat")));
    assert_eq!(predictions[0]["top"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn how_large_a_picture_may_be_is_a_flag() {
    let cat = cat();
    for (flags, status, says) in [
        (["--max-image-pixels", "1024"], 200, "cat"),
        (["--max-image-pixels", "1023"], 413, "at most 1023 in total"),
        (["--max-image-side", "31"], 413, "at most 31 a side"),
    ] {
        let service = serve(&shipped(), &flags).await;
        let answer = service.predict(&Sent::new("image/jpeg", cat.clone())).await;
        assert_eq!(answer.status, status, "{flags:?}: {answer:?}");
        assert!(answer.text.contains(says), "{flags:?}: {answer:?}");
    }
}
