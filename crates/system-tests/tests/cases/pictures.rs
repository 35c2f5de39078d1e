//! Pictures that decoders get wrong without saying so.

use std::fs;

use testkit::{Launch, alone};

use crate::shelf::cases;

/// A picture is seen as it is, or refused as one that is not taken.
#[tokio::test(flavor = "multi_thread")]
async fn no_picture_is_seen_as_another() {
    let _alone = alone().await;
    let Some(folder) = cases("the pictures among the cases") else { return };
    let service = Launch::inference().start().await;
    for (name, label) in [
        ("cat-noninterleaved.jpg", "cat"),
        ("automobile-noninterleaved.jpg", "automobile"),
        ("j_sampodd_1x1_2x2_2x2.jpg", "cat"),
    ] {
        let picture = fs::read(folder.join("pictures").join(name)).unwrap();
        let answer = service.post("/predict?model=cifar10", "image/jpeg", picture).await;
        match answer.status {
            200 => {
                let prediction = answer.json()["predictions"][0].clone();
                assert_eq!(prediction["label"], label, "{name}");
                assert!(prediction["confidence"].as_f64().unwrap() > 0.9, "{name}: {prediction}");
            }
            422 => assert!(answer.text().contains("JPEG"), "{name}: {}", answer.text()),
            other => panic!("{name}: {other} {}", answer.text()),
        }
    }
}
