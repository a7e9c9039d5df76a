//! Against vectors that sentence-transformers and transformers made; `scripts/embedding_reference.py` made the files.

use std::collections::HashMap;

use viva_retrieval::{Bert, Encoder as _, Options, Prompts, Purpose, from_bytes};

use crate::{MINILM, cosine, data};

fn texts() -> Vec<String> {
    serde_json::from_slice(&std::fs::read(data("texts.json")).unwrap()).unwrap()
}

fn encode(model: &Bert, purpose: Purpose, texts: &[String]) -> Vec<Vec<f32>> {
    model.encode(purpose, &texts.iter().map(String::as_str).collect::<Vec<_>>()).unwrap()
}

#[test]
fn a_hundred_texts_have_the_vectors_of_sentence_transformers() {
    let texts = texts();
    let reference = from_bytes(&std::fs::read(data("minilm.f32")).unwrap()).unwrap();
    let reference: Vec<&[f32]> = reference.chunks_exact(384).collect();
    assert_eq!((texts.len(), reference.len()), (100, 100));
    let ours = encode(&MINILM, Purpose::Passage, &texts);
    let cosines: Vec<f64> = ours.iter().zip(&reference).map(|(ours, theirs)| cosine(ours, theirs)).collect();
    let worst = cosines.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1)).unwrap();
    println!("smallest cosine {:.9}, of {:?}", worst.1, texts[worst.0]);
    assert!(*worst.1 >= 0.9999, "{:?}: {}", texts[worst.0], worst.1);
    // The measure can tell texts apart: no two that differ are as near to each other.
    let strangers = (0..20).flat_map(|a| (0..a).map(move |b| (a, b))).map(|(a, b)| cosine(&ours[a], reference[b]));
    assert!(strangers.into_iter().all(|cosine| cosine < 0.999));
}

#[test]
fn vectors_have_length_one_and_do_not_hang_on_the_rest_of_the_batch() {
    let texts = texts();
    let all = encode(&MINILM, Purpose::Passage, &texts);
    for (text, vector) in texts.iter().zip(&all).step_by(9) {
        let length: f64 = vector.iter().map(|&number| f64::from(number).powi(2)).sum();
        assert!((length - 1.0).abs() < 1e-5, "{text:?}: {length}");
        let alone = encode(&MINILM, Purpose::Passage, std::slice::from_ref(text));
        assert!(cosine(&alone[0], vector) > 0.999_999, "{text:?}");
    }
}

#[test]
fn the_other_family_has_the_vectors_of_transformers_by_prompt_and_pooling() {
    let texts: Vec<String> = texts().into_iter().step_by(5).collect();
    let reference: HashMap<String, Vec<Vec<f32>>> = serde_json::from_slice(&std::fs::read(data("tiny/vectors.json")).unwrap()).unwrap();
    let e5 = Bert::open(&Options { prompts: Prompts::e5(), ..Options::new(data("tiny")) }).unwrap();
    // bge-m3 and KURE take the first token; their folders say so as this one does.
    let folder = tempfile::tempdir().unwrap();
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        std::fs::copy(data("tiny").join(file), folder.path().join(file)).unwrap();
    }
    std::fs::create_dir(folder.path().join("1_Pooling")).unwrap();
    let pooling = r#"{"word_embedding_dimension": 16, "pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}"#;
    std::fs::write(folder.path().join("1_Pooling/config.json"), pooling).unwrap();
    let cls = Bert::open(&Options::new(folder.path())).unwrap();

    let cases = [("e5_passage", &e5, Purpose::Passage), ("e5_query", &e5, Purpose::Query), ("cls", &cls, Purpose::Query)];
    for (name, model, purpose) in cases {
        let ours = encode(model, purpose, &texts);
        assert_eq!(ours.len(), reference[name].len());
        for ((text, ours), theirs) in texts.iter().zip(&ours).zip(&reference[name]) {
            assert!(cosine(ours, theirs) >= 0.9999, "{name}, {text:?}: {}", cosine(ours, theirs));
        }
    }
    assert!(e5.id() != cls.id(), "another prompt or pooling is another model");
}
