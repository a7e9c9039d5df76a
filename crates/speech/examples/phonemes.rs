//! Phonemes of a list of texts, for comparing engines on the same input:
//! `cargo run -p viva-speech --example phonemes -- ko < texts.tsv`, lines of `name<TAB>text` to `name<TAB>phonemes<TAB>text`.

use viva_speech::{Language, text};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let language: Language = std::env::args().nth(1).unwrap_or_default().parse()?;
    for line in std::io::stdin().lines() {
        let line = line?;
        let (name, said) = line.split_once('\t').ok_or("each line is name<TAB>text")?;
        println!("{name}\t{}\t{said}", text::phonemes(said, language)?);
    }
    Ok(())
}
