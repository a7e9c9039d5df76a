//! What holds of audio wherever it is kept; and in `folder`, `bucket` and `users` what holds in one place only.

mod bucket;
mod folder;
mod users;

use std::ffi::OsString;
use std::sync::atomic::{AtomicBool, Ordering};

use viva_core::audio::Audio;
use viva_core::{Classified as _, Digest, ErrorClass};

/// Runs each promise on a folder and on a bucket of its own.
macro_rules! in_both_places {
    ($($promise:ident),* $(,)?) => {
        mod in_a_folder {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $promise() {
                let place = tempfile::tempdir().unwrap();
                let url = format!("file://{}/tts", place.path().display());
                super::$promise(&super::Place { url, environment: Vec::new() }).await;
            })*
        }
        mod in_a_bucket {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $promise() {
                let s3 = viva_testkit::S3::shared();
                super::$promise(&super::Place { url: s3.url(stringify!($promise)), environment: s3.environment() }).await;
            })*
        }
    };
}

in_both_places!(
    a_clip_comes_back_by_its_digest,
    a_damaged_clip_counts_as_missing_and_can_be_stored_again,
    an_alias_follows_the_clip_that_it_is_given_and_says_whether_it_moved,
    whoever_overwrites_an_alias_does_not_reach_the_clip,
    names_that_lead_elsewhere_are_refused,
    fifty_that_store_the_same_clip_all_succeed,
    of_several_that_move_an_alias_at_once_one_stands_and_none_fails,
    a_reader_never_sees_half_an_alias,
);

struct Place {
    url: String,
    environment: Vec<(OsString, OsString)>,
}

impl Place {
    async fn open(&self) -> Audio {
        Audio::connect_with(&self.url, self.environment.clone()).await.unwrap()
    }

    /// The folder of clips as if it were a place of its own: there, a clip is a file like any other.
    async fn open_clips(&self) -> Audio {
        Audio::connect_with(&format!("{}/clips", self.url), self.environment.clone()).await.unwrap()
    }
}

async fn a_clip_comes_back_by_its_digest(place: &Place) {
    let audio = place.open().await;
    let digest = audio.put("sound").await.unwrap();
    assert_eq!(digest, Digest::of(b"sound"));
    assert_eq!(audio.put("sound").await.unwrap(), digest);
    assert_eq!(audio.open(&digest).await.unwrap().unwrap(), "sound");
    assert_eq!(audio.open(&Digest::of(b"another")).await.unwrap(), None);
    assert_eq!(place.open().await.open(&digest).await.unwrap().unwrap(), "sound", "it is there for the next process");
}

async fn a_damaged_clip_counts_as_missing_and_can_be_stored_again(place: &Place) {
    let (audio, clips) = (place.open().await, place.open_clips().await);
    let digest = audio.put("sound").await.unwrap();
    for damaged in ["soun", "sounD", ""] {
        clips.alias(digest.as_str(), &clips.put(damaged).await.unwrap()).await.unwrap();
        assert_eq!(audio.open(&digest).await.unwrap(), None);
        let error = audio.alias("q_1.wav", &digest).await.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Transient);
        assert!(error.to_string().contains("has to be computed again"), "{error}");
    }
    assert_eq!(audio.open_alias("q_1.wav").await.unwrap(), None);
    assert_eq!(audio.put("sound").await.unwrap(), digest);
    assert_eq!(audio.open(&digest).await.unwrap().unwrap(), "sound");
}

async fn an_alias_follows_the_clip_that_it_is_given_and_says_whether_it_moved(place: &Place) {
    let audio = place.open().await;
    let (old, new) = (audio.put("old").await.unwrap(), audio.put("new").await.unwrap());
    assert_eq!(audio.open_alias("q_14221.wav").await.unwrap(), None);
    for (digest, moved, holds) in
        [(&old, true, "old"), (&old, false, "old"), (&new, true, "new"), (&new, false, "new"), (&old, true, "old")]
    {
        assert_eq!(audio.alias("q_14221.wav", digest).await.unwrap(), moved);
        assert_eq!(audio.open_alias("q_14221.wav").await.unwrap().unwrap(), holds);
    }
}

async fn whoever_overwrites_an_alias_does_not_reach_the_clip(place: &Place) {
    let audio = place.open().await;
    let digest = audio.put("sound").await.unwrap();
    audio.alias("q_1.wav", &digest).await.unwrap();
    audio.alias("q_1.wav", &audio.put("another").await.unwrap()).await.unwrap();
    assert_eq!(audio.open(&digest).await.unwrap().unwrap(), "sound");
}

async fn names_that_lead_elsewhere_are_refused(place: &Place) {
    let audio = place.open().await;
    let digest = audio.put("sound").await.unwrap();
    for name in ["", ".", "..", "../q_1.wav", "a/b.wav", ".hidden", "q 1.wav", "q_1.wav\0", "clips"] {
        for error in [audio.alias(name, &digest).await.unwrap_err(), audio.open_alias(name).await.unwrap_err()] {
            assert_eq!(error.class(), ErrorClass::Permanent, "{name:?}");
            assert!(error.to_string().contains("is no name for an audio file"), "{error}");
        }
    }
}

async fn fifty_that_store_the_same_clip_all_succeed(place: &Place) {
    let audio = place.open().await;
    let sound = vec![7; 100_000];
    let writers: Vec<_> =
        (0..50).map(|_| (audio.clone(), sound.clone())).map(|(a, s)| tokio::spawn(async move { a.put(s).await })).collect();
    for writer in writers {
        assert_eq!(writer.await.unwrap().unwrap(), Digest::of(&sound));
    }
    assert_eq!(audio.open(&Digest::of(&sound)).await.unwrap().unwrap(), sound);
}

async fn of_several_that_move_an_alias_at_once_one_stands_and_none_fails(place: &Place) {
    let audio = place.open().await;
    let mut movers = Vec::new();
    for text in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        let (audio, digest) = (audio.clone(), audio.put(text).await.unwrap());
        movers.push(tokio::spawn(async move { audio.alias("q_1.wav", &digest).await }));
    }
    for mover in movers {
        assert!(mover.await.unwrap().unwrap(), "each text is another one");
    }
    let stands = audio.open_alias("q_1.wav").await.unwrap().unwrap();
    assert!(stands.len() == 1 && (b'a'..=b'h').contains(&stands[0]), "{stands:?}");
}

async fn a_reader_never_sees_half_an_alias(place: &Place) {
    let audio = place.open().await;
    let (low, high) = (vec![1; 300_000], vec![2; 200_000]);
    let digests = [audio.put(low.clone()).await.unwrap(), audio.put(high.clone()).await.unwrap()];
    audio.alias("q_1.wav", &digests[1]).await.unwrap();
    let done = AtomicBool::new(false);
    let read = async {
        let mut seen = 0;
        while !done.load(Ordering::Relaxed) {
            let bytes = audio.open_alias("q_1.wav").await.unwrap().unwrap();
            assert!(bytes == low || bytes == high, "half a file of {} bytes", bytes.len());
            seen += 1;
        }
        seen
    };
    let change = async {
        for digest in digests.iter().cycle().take(200) {
            assert!(audio.alias("q_1.wav", digest).await.unwrap());
        }
        done.store(true, Ordering::Relaxed);
    };
    let (seen, ()) = tokio::join!(read, change);
    assert!(seen > 10, "{seen}");
}
