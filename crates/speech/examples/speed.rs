//! How fast the engine speaks: `cargo run --release -p viva-speech --example speed -- MODEL VOICES VOCAB`.

use std::time::Instant;

use viva_speech::kokoro::{Kokoro, KokoroFiles};

#[allow(clippy::disallowed_methods, reason = "a measurement, not a decision")]
fn now() -> Instant {
    Instant::now()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("usage: speed MODEL VOICES VOCAB");
    let files = KokoroFiles { model: next()?.into(), voices: next()?.into(), vocab: next()?.into() };
    let begin = now();
    let kokoro = Kokoro::open(&files)?;
    println!("open {:.0} ms", begin.elapsed().as_secs_f64() * 1e3);
    let ids: Vec<u32> = (0..64).map(|at| [43, 46, 56, 61, 16, 125, 51, 110][at % 8]).collect();
    let style = kokoro.style("jf_alpha", ids.len())?;
    for _ in 0..3 {
        let model = kokoro.model();
        let begin = now();
        let prosody = model.prosody(&ids, &style, 1.0).ok_or("ids in range")?;
        let first = begin.elapsed().as_secs_f64();
        let decoded = model.decode(&prosody, &style);
        let second = begin.elapsed().as_secs_f64();
        let excitation = model.excite(prosody.pitch.as_slice());
        let third = begin.elapsed().as_secs_f64();
        let samples = model.generate(&decoded, &excitation.spectrum, &style);
        let wall = begin.elapsed().as_secs_f64();
        let audio = samples.len() as f64 / 24_000.0;
        println!(
            "audio {audio:.2} s, wall {wall:.3} s = {:.2} x real time; prosody {first:.3}, decoder {:.3}, source {:.3}, generator {:.3}",
            audio / wall,
            second - first,
            third - second,
            wall - third
        );
    }
    Ok(())
}
