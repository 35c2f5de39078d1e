//! What makes each row of the error table happen.

use serde_json::{Value, json};

use crate::pictures::{base64, bombs, cat, dot, example, numbers};
use crate::row::Row;
use crate::sent::Sent;

/// Bad JSON, base64, form or parameter.
pub(crate) fn invalid_request() -> Vec<Row> {
    [invalid_json(), invalid_parameters(), invalid_forms()].concat()
}

/// Bad JSON or base64.
fn invalid_json() -> Vec<Row> {
    let row = |name, sent, says| Row::new("invalid_request", name, sent, says);
    let text = |body: &str| Sent::new("application/json", body);
    let json = |body: Value| Sent::json(&body);
    let image = base64(&dot());
    vec![
        row("an empty body", text(""), "must be an object"),
        row("JSON that ends early", text(r#"{"input": [1, 2"#), "EOF"),
        row("JSON that is no object", json(json!(["cifar10", null, null, null, image])), "must be an object"),
        row("JSON with more behind it", text(r#"{"input": [1]} {}"#), "trailing"),
        row("bytes that are no text", Sent::new("application/json", b"{\"image\": \"\xff\"}".as_slice()), "unicode"),
        row("NaN, which JSON does not have", text(r#"{"input": [NaN]}"#), "expected value"),
        row("infinity, which JSON does not have", text(r#"{"input": [Infinity]}"#), "expected value"),
        row("a number beyond 64 bits", text(r#"{"input": [1e400]}"#), "number out of range").of("cifar10"),
        row("arrays without end", text(&format!(r#"{{"input": {}"#, "[".repeat(100_000))), "EOF"),
        row("a member twice", text(r#"{"input": [1], "input": [1]}"#), "duplicate"),
        row("an unknown member", json(json!({ "image": image, "topk": 1 })), "topk"),
        row("no input", json(json!({ "model": "cifar10" })), "exactly one of image, images, input, inputs and rows"),
        row("two inputs", json(json!({ "image": image, "input": [1] })), "exactly one"),
        row("an image that is a number", json(json!({ "image": 7 })), "expected a string"),
        row("images that are no list", json(json!({ "images": image })), "expected a sequence"),
        row("a long text in its place", json(json!({ "images": "x".repeat(100_000) })), "expected a sequence"),
        row("no images", json(json!({ "images": [] })), "empty").of("cifar10"),
        row("no base64", json(json!({ "image": "?!" })), "'?' at position 0").of("cifar10"),
        row("a space in base64", json(json!({ "image": image.replacen("AAAA", "AA AA", 1) })), "has it been a +")
            .of("cifar10"),
        row("base64 that ends early", json(json!({ "image": &image[..5] })), "its end is missing").of("cifar10"),
        row("no base64 among others", json(json!({ "images": [image, "ab\u{e4}c", image] })), "Item 1")
            .of("cifar10")
            .items(3),
        row("a data URL without base64", json(json!({ "image": "data:image/png,xyz" })), ";base64,").of("cifar10"),
        row("top_k of 0", json(json!({ "image": image, "top_k": 0 })), "top_k"),
        row("top_k below 0", json(json!({ "image": image, "top_k": -1 })), "top_k must be"),
        row("top_k of one and a half", json(json!({ "image": image, "top_k": 1.5 })), "top_k must be"),
        row("top_k above its bound", json(json!({ "image": image, "top_k": 4_294_967_296_u64 })), "4294967295"),
        row(
            "top_k above 64 bits",
            text(&format!(r#"{{"image": "{image}", "top_k": 18446744073709551616}}"#)),
            "4294967295",
        ),
        row("a model that is a number", json(json!({ "image": image, "model": 7 })), "expected a string"),
        row("a version that is a list", json(json!({ "image": image, "version": [] })), "version must be"),
        row("an empty request_id", json(json!({ "image": image, "request_id": "" })), "request_id"),
        row("a request_id of two words", json(json!({ "image": image, "request_id": "a b" })), "request_id"),
        row("a request_id without end", json(json!({ "image": image, "request_id": "x".repeat(129) })), "128"),
    ]
}

/// Bad parameters in the query or in a header.
fn invalid_parameters() -> Vec<Row> {
    let row = |name, sent, says| Row::new("invalid_request", name, sent, says);
    let raw = |query: &str| Sent::new("image/png", dot()).query(query);
    let timeout = |value: &str| raw("").header("x-request-timeout-ms", value);
    vec![
        row("top_k of 0 in the query", raw("?top_k=0"), "top_k"),
        row("top_k above its bound in the query", raw("?top_k=4294967296"), "4294967295"),
        row("top_k in words", raw("?top_k=three"), "top_k must be"),
        row(
            "top_k of 0 in the query, and another in the body",
            Sent::json(&json!({ "image": base64(&dot()), "top_k": 3 })).query("?top_k=0"),
            "top_k must be",
        ),
        row("an unknown parameter", raw("?topk=3"), "topk"),
        row("a parameter twice", raw("?model=cifar10&model=surface"), "model"),
        row("no time at all", timeout("0"), "x-request-timeout-ms"),
        row("time in words", timeout("soon"), "x-request-timeout-ms"),
        row("time without end", timeout("600001"), "600000"),
    ]
}

/// Bad forms.
fn invalid_forms() -> Vec<Row> {
    let row = |name, sent, says| Row::new("invalid_request", name, sent, says);
    let form = |parts: &[(&str, &[u8])]| Sent::form(parts);
    let cut = |mut sent: Sent| {
        sent.body.truncate(sent.body.len() - 20);
        sent
    };
    let stripped: Vec<u8> = cat().into_iter().filter(|byte| !matches!(byte, 0 | b'\r' | b'\n')).collect();
    vec![
        row(
            "what curl's -d leaves of a picture",
            Sent::new("application/x-www-form-urlencoded", stripped),
            "--data-binary",
        ),
        row("a form without a boundary", Sent::new("multipart/form-data", "x"), "boundary"),
        row("a form that ends early", cut(form(&[("image", &dot())])), "form"),
        row("an empty form", form(&[]), "image"),
        row("a form without an image", form(&[("model", b"cifar10")]), "image"),
        row("a form with other parts only", form(&[("mode", b"fast"), ("comment", b"x")]), "it has: mode, comment"),
        row("top_k of minus one in a form", form(&[("image", &dot()), ("top_k", b"-1")]), "top_k"),
    ]
}

/// Well-formed, and nothing that the model takes.
pub(crate) fn invalid_input() -> Vec<Row> {
    let row = |name, sent, says| Row::new("invalid_input", name, sent, says).of("cifar10");
    let picture = |bytes: &[u8]| Sent::new("image/jpeg", bytes);
    let input = |input: Value| Sent::json(&json!({ "input": input }));
    let inputs = |inputs: Value| Sent::json(&json!({ "inputs": inputs }));
    let (cat, dot) = (cat(), dot());
    let crack = example("surface", "crack.png");
    let flat = numbers("cifar10", &cat).0;
    let with = |other: Value| {
        let mut values: Vec<Value> = flat.iter().map(|value| json!(value)).collect();
        values[1000] = other;
        input(values.into())
    };
    let overflow = String::from_utf8(with(json!("?")).body).unwrap().replace("\"?\"", "1e39");
    let bad = [1.0, -1.0, 1.0];
    let of_root = |name, body: Value| {
        let sent = Sent::json(&body).query("?model=root");
        Row::new("invalid_input", name, sent, "beyond what the model can answer").of("root")
    };
    vec![
        row("no bytes", picture(b""), "nothing"),
        row("text", picture(b"not a picture"), "JPEG, PNG, WebP or BMP"),
        row("a GIF", picture(b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04"), "GIF"),
        row("a GIF that says so in base64", Sent::json(&json!({ "image": base64(b"GIF89a") })), "GIF"),
        row("most of a JPEG", picture(&cat[..cat.len() - 10]), "ends before"),
        row("half a JPEG", picture(&cat[..cat.len() / 2]), "JPEG"),
        row("the start of a JPEG", picture(&cat[..4]), "JPEG"),
        row("half a PNG", picture(&crack[..crack.len() / 2]), "PNG"),
        row("a file that is no picture", Sent::form(&[("image", &dot), ("file", b"x")]), "Item 1").items(2),
        row("a part that ought to be a picture", Sent::form(&[("images[]", b"cat.jpg")]), "JPEG, PNG"),
        row("an empty part of a form", Sent::form(&[("image", b"")]), "nothing"),
        row("a bad one of three", Sent::form(&[("image", &dot), ("image", b"?"), ("image", &dot)]), "Item 1").items(3),
        row("too few numbers", input(json!([1, 2, 3])), "[3, 32, 32]"),
        row("one number", input(json!(1)), "without an array"),
        row("no numbers", input(json!([])), "shape [0]"),
        row("another model's numbers", input(json!(vec![0; 4096])), "4096"),
        row("colours last", input(json!(vec![vec![[0; 3]; 32]; 32])), "[32, 32, 3]"),
        row("ragged arrays", input(json!([[1, 2], [3]])), "equal length"),
        row("arrays and numbers mixed", input(json!([1, [2]])), "beside a number"),
        row(
            "deep arrays",
            Sent::new("application/json", format!(r#"{{"input": {}1{}}}"#, "[".repeat(100), "]".repeat(100))),
            "nested",
        ),
        row("a string among numbers", with(json!("1.0")), "a string"),
        row("null among numbers", with(Value::Null), "null"),
        row("true among numbers", with(json!(true)), "true"),
        row("an object among numbers", input(json!([{ "data": [1] }])), "an object"),
        row("another name than the model's", input(json!({ "data": [1] })), "no input \"data\"; it has: input"),
        row("text for numbers", input(json!("1, 2, 3")), "a string"),
        row("a number beyond 32 bits", Sent::new("application/json", overflow), "1e39 at position 1000"),
        row("no items", inputs(json!([])), "shape [0]"),
        row("one item where several go", inputs(json!(flat)), "[N, 3072]"),
        row("an item of another size", inputs(json!([vec![0; 3072], vec![0; 3071]])), "equal length"),
        of_root("an answer that is no number", json!({ "input": bad })),
        of_root("one such answer of two", json!({ "inputs": [[4.0, 1.0, 0.0], bad] })).items(2),
    ]
}

/// Bodies of which neither the content type nor the first bytes tell what they are.
pub(crate) fn unsupported_media_type() -> Vec<Row> {
    let row = |name, sent| Row::new("unsupported_media_type", name, sent, "send image/jpeg");
    vec![
        row("nothing at all", Sent::default()),
        row("no content type", Sent { body: b"cat".to_vec(), ..Sent::default() }),
        row("a form of text", Sent::new("application/x-www-form-urlencoded", "image=cat.jpg&model=cifar10")),
        row("text", Sent::new("text/plain", "cat")),
        row("another kind of picture", Sent::new("image/gif", "GIF89a")),
        row("any picture", Sent::new("image/*", "<svg/>")),
        row("bytes", Sent::new("application/octet-stream", [0; 100])),
        row("a list", Sent::new("text/plain", "[1, 2, 3]")),
    ]
}

/// More bytes, pixels or items than are taken. The service's limits are 2,000,000 bytes and 5 items.
pub(crate) fn too_large() -> Vec<Row> {
    let row = |name, sent, says| Row::new("too_large", name, sent, says).of("cifar10");
    let images = vec![base64(&dot()); 6];
    let parts = vec![("image", b"?".as_slice()); 6];
    let mut rows = vec![
        row("many images", Sent::json(&json!({ "images": images })), "at most 5"),
        row("many parts", Sent::form(&parts), "6 items"),
        row("many inputs", Sent::json(&json!({ "inputs": vec![vec![0; 3072]; 6] })), "6 items"),
        row("many bytes", Sent::new("image/png", vec![0; 2_000_001]), "2000000 bytes").of("unknown"),
        row("very many bytes", Sent::new("image/png", vec![0; 20_000_000]), "2000000 bytes").of("unknown"),
    ];
    let bombs = bombs();
    rows.extend(
        bombs.iter().map(|(content_type, bomb)| {
            row("many pixels", Sent::new(content_type, bomb.clone()), "16000 x 16000 pixels")
        }),
    );
    let second = Sent::json(&json!({ "images": [base64(&dot()), base64(&bombs[0].1)] }));
    rows.push(row("many pixels in a list", second, "Item 1").items(2));
    rows
}

/// Names of models and versions that there are not.
pub(crate) fn model_not_found() -> Vec<Row> {
    let row = |name, sent, says| Row::new("model_not_found", name, sent, says);
    let raw = |query: &str| Sent::new("image/png", dot()).query(query);
    let json = |model: &str| Sent::json(&json!({ "image": base64(&dot()), "model": model }));
    let there_are = "broken, cifar10, misspelt, never, root, slow, surface";
    vec![
        row("a model", raw("?model=resnet"), there_are),
        row("no name", raw("?model="), there_are),
        row("another case", raw("?model=CIFAR10"), there_are),
        row("bytes that are no text", raw("?model=%ff"), there_are),
        row("a way out of the folder", raw("?model=../models/cifar10"), there_are),
        row("a name for metrics", json("x\"} 1\n"), there_are),
        row("the name under which metrics count these", json("unknown"), there_are),
        row("a model in a form", Sent::form(&[("image", &dot()), ("model", b"resnet")]), there_are),
        row("a version", raw("?version=2"), "version 1 only").of("cifar10"),
        row("a version in other words", raw("?version=01"), "version 1 only").of("cifar10"),
        row("a version of another model", raw("?model=surface&version=0"), "surface").of("surface"),
    ]
}

/// What is known and cannot serve, or fails.
pub(crate) fn the_service_is_at_fault() -> Vec<Row> {
    let raw = |query: &str| Sent::new("image/png", dot()).query(query);
    vec![
        Row::new("not_ready", "a model whose file ends early", raw("?model=broken"), "GET /models").of("broken"),
        Row::new("not_ready", "a model whose model.toml is wrong", raw("?model=misspelt"), "GET /models")
            .of("misspelt"),
        Row::new(
            "internal",
            "a model that never answers",
            Sent::json(&json!({ "model": "never", "input": [1] })),
            "the cause",
        )
        .of("never"),
    ]
}
