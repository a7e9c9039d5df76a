use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use viva_retrieval::{Encoder, Error, Purpose, Retriever, search};

use crate::{MINILM, cosine};

const RESUME: &str = "# Summary
Backend engineer with five years in payments.

# Experience
Cut the latency of card approvals from 800 ms to 120 ms by caching merchant limits.
When two teammates argued about the schema I brought them together and we tried both designs for a week.

# Awards
First prize at the national chess championship for students.

# Certifications
Kubernetes administrator, 2022.
";

/// Counts how often the model is asked.
struct Counting(AtomicUsize);

impl Encoder for Counting {
    fn id(&self) -> &'static str {
        "counting"
    }

    fn count(&self, text: &str) -> Result<usize, Error> {
        Ok(text.split_whitespace().count())
    }

    fn limit(&self) -> usize {
        100
    }

    fn encode(&self, _: Purpose, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(texts.iter().map(|text| vec![text.len() as f32]).collect())
    }
}

#[test]
fn a_question_finds_the_passage_that_speaks_of_it() {
    let retriever = Retriever::new(MINILM.clone());
    let passages = retriever.index(RESUME).unwrap();
    let best = |question: &str| {
        let query = retriever.query(question).unwrap();
        let hits = search(&query, passages.iter().map(|(_, vector)| &vector[..]), 1);
        passages[hits[0].index].0.text(RESUME).to_owned()
    };
    assert!(best("How did you resolve a conflict in your team?").contains("teammates argued"));
    assert!(best("Have you ever won a competition?").contains("chess"));
    assert!(best("container orchestration").contains("Kubernetes"));
}

#[test]
fn a_search_finds_what_comparing_everything_finds() {
    // Vectors whose best are known by their making: the n-th is turned away from the query by n degrees, in a shuffled order.
    let angles: Vec<usize> = (0..180).map(|place| place * 77 % 180).collect();
    let turned = |degrees: usize| {
        let radians = (degrees as f32).to_radians();
        vec![radians.cos(), radians.sin()]
    };
    let vectors: Vec<Vec<f32>> = angles.iter().map(|&degrees| turned(degrees)).collect();
    let hits = search(&[1.0, 0.0], vectors.iter().map(Vec::as_slice), 7);
    assert_eq!(hits.iter().map(|hit| angles[hit.index]).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6]);
    assert!(hits.iter().all(|hit| (hit.score - cosine(&[1.0, 0.0], &vectors[hit.index])).abs() < 1e-6));
}

#[test]
fn of_equals_the_earlier_is_first_and_a_stranger_is_left_out() {
    let (near, far, stranger) = ([1.0, 0.0], [0.0, 1.0], [1.0, 0.0, 0.0]);
    let hits = search(&near, [&far[..], &stranger, &near, &near], 10);
    assert_eq!(hits.iter().map(|hit| hit.index).collect::<Vec<_>>(), [2, 3, 0]);
    assert_eq!(search(&near, std::iter::empty(), 3), []);
}

#[test]
fn a_query_is_computed_once() {
    let encoder = Arc::new(Counting(AtomicUsize::new(0)));
    let retriever = Retriever::new(encoder.clone());
    assert_eq!(retriever.known_query("협업 경험"), None);
    let first = retriever.query("협업 경험").unwrap();
    assert_eq!((retriever.query("협업 경험").unwrap(), retriever.known_query("협업 경험").unwrap()), (first.clone(), first));
    assert_eq!(encoder.0.load(Ordering::SeqCst), 1);
    retriever.query("성장 경험").unwrap();
    assert_eq!(encoder.0.load(Ordering::SeqCst), 2);
}
