//! `tts-worker bench`: how fast this machine speaks, on texts of several lengths, without cache, database or queue.

use serde_json::json;
use viva_core::{Clock as _, SystemClock};
use viva_speech::audio::{Output, level};
use viva_speech::{Isa, Kokoro, Language, Utterance};

use crate::cli::BenchArgs;
use crate::{house, voice};

/// Questions of an interview; the longer texts are made of them.
const QUESTIONS: [&str; 6] = [
    "자기소개를 부탁드립니다.",
    "최근 2년 동안 맡은 프로젝트 중에서 가장 어려웠던 문제는 무엇이었나요?",
    "초당 10,000건의 요청을 처리하는 서비스를 어떻게 설계하시겠습니까?",
    "팀에서 의견이 갈렸을 때 어떻게 합의에 이르렀는지 구체적으로 말씀해 주세요.",
    "React와 Spring Boot를 함께 쓴 경험이 있다면 역할을 어떻게 나누었는지 설명해 주세요.",
    "마지막으로 궁금한 점이나 하고 싶은 말씀이 있나요?",
];
/// How many questions each text has.
const LENGTHS: [usize; 4] = [1, 2, 6, 24];

/// What one text took.
struct Timing {
    chars: usize,
    audio_s: f64,
    /// From text to the bytes of a WAV, sorted.
    wall_s: Vec<f64>,
}

impl Timing {
    fn median(&self) -> f64 {
        self.wall_s[self.wall_s.len() / 2]
    }
}

pub(crate) async fn run(args: BenchArgs) -> anyhow::Result<()> {
    let home = house::home(&args.models)?;
    tokio::task::spawn_blocking(move || measure(&home, &args)).await?
}

fn measure(home: &viva_models::Home, args: &BenchArgs) -> anyhow::Result<()> {
    let begin = SystemClock.monotonic();
    let engine = Kokoro::open(&voice::files(home)?)?;
    let open_s = SystemClock.monotonic().since(begin).as_secs_f64();
    let cores = std::thread::available_parallelism()?;
    if !args.json {
        println!(
            "Kokoro-82M, {}, {cores} cores, opened in {open_s:.2} s; {} repeats after one to warm up",
            Isa::best().name(),
            args.repeats
        );
        println!("{:>10} {:>10} {:>12} {:>12} {:>10}", "characters", "audio (s)", "median (ms)", "slowest (ms)", "x real time");
    }
    for length in LENGTHS {
        let timing = time(&engine, &text(length), args)?;
        let (median, slowest) = (timing.median(), timing.wall_s.last().copied().unwrap_or_default());
        let speed = timing.audio_s / median;
        if args.json {
            println!(
                "{}",
                json!({
                    "chars": timing.chars, "audio_s": timing.audio_s, "wall_ms_median": median * 1e3, "wall_ms_max": slowest * 1e3,
                    "x_real_time": speed, "isa": Isa::best().name(), "open_ms": open_s * 1e3,
                })
            );
        } else {
            let (median, slowest) = (median * 1e3, slowest * 1e3);
            println!("{:>10} {:>10.2} {median:>12.0} {slowest:>12.0} {speed:>10.2}", timing.chars, timing.audio_s);
        }
    }
    Ok(())
}

fn time(engine: &Kokoro, text: &str, args: &BenchArgs) -> anyhow::Result<Timing> {
    let mut timing = Timing { chars: text.chars().count(), audio_s: 0.0, wall_s: Vec::new() };
    for repeat in 0..=args.repeats.get() {
        let begin = SystemClock.monotonic();
        let speech = engine.speak(&Utterance { text, language: Language::Ko, voice: &args.voice, speed: 1.0 })?;
        let speech = level(speech)?;
        Output::default().encode(&speech)?;
        let wall = SystemClock.monotonic().since(begin).as_secs_f64();
        timing.audio_s = speech.seconds();
        if repeat > 0 {
            timing.wall_s.push(wall);
        }
    }
    timing.wall_s.sort_by(f64::total_cmp);
    Ok(timing)
}

fn text(questions: usize) -> String {
    let all: Vec<&str> = QUESTIONS.iter().copied().cycle().take(questions).collect();
    all.join(" ")
}
