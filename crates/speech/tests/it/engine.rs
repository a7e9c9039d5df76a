//! One engine for all tests: loading it takes a second.

use std::sync::OnceLock;

use viva_speech::{Kokoro, KokoroFiles};

pub(crate) fn files() -> KokoroFiles {
    let files = viva_testkit::model("kokoro");
    let role = |role| files.file(role).unwrap().to_owned();
    KokoroFiles { model: files.model().to_owned(), voices: role("voices"), vocab: role("vocab") }
}

pub(crate) fn engine() -> &'static Kokoro {
    static ENGINE: OnceLock<Kokoro> = OnceLock::new();
    ENGINE.get_or_init(|| Kokoro::open(&files()).unwrap())
}
