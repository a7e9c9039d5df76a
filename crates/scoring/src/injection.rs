//! Flags answers that talk to the model instead of the interviewer.
//!
//! A flag is a warning beside the score, for people: it changes no score, and no flag is no proof of innocence. What
//! keeps such text from acting is elsewhere: it is data, tokenised with special tokens off, and fenced.

use viva_core::evaluation::Note;

use crate::Language;

/// Marks that chat templates are made of. Nobody speaks them.
const MARKS: &[&str] = &[
    "<|",
    "|>",
    "<start_of_turn>",
    "<end_of_turn>",
    "[inst]",
    "[/inst]",
    "<<sys>>",
    "[|system|]",
    "[|user|]",
    "[|assistant|]",
    "[|endofturn|]",
    "<s>",
    "</s>",
    "<bos>",
    "<eos>",
    "### instruction",
    "### system",
    "### response",
    "<think>",
];

/// Requests about instructions and scores, without spaces.
const REQUESTS: &[&str] = &[
    "지시는모두무시",
    "지시를무시",
    "지시를모두무시",
    "지시사항을무시",
    "지시사항은무시",
    "명령을무시",
    "규칙을무시",
    "프롬프트를무시",
    "이전지시",
    "앞의지시",
    "위의지시",
    "만점을주",
    "만점을줘",
    "만점을부여",
    "만점처리",
    "만점으로채점",
    "만점주세요",
    "모든항목만점",
    "100점을주",
    "100점을줘",
    "100점주세요",
    "백점을주",
    "최고점을주",
    "최고점을줘",
    "높은점수를주",
    "점수를높게",
    "시스템프롬프트",
    "채점기준을바꿔",
    "당신은이제",
    "너는이제",
    "ignoreallprevious",
    "ignoreprevious",
    "ignoretheprevious",
    "ignoreallinstructions",
    "ignoreyourinstructions",
    "ignoretheabove",
    "disregardall",
    "disregardprevious",
    "disregardtheabove",
    "forgetyourinstructions",
    "systemprompt",
    "youarenow",
    "fullmarks",
    "maximumscore",
    "maxscore",
    "perfectscore",
    "highestscore",
    "highestpossiblescore",
    "givemeonehundred",
    "giveme100",
    "score100",
    "total100",
    "overridetherubric",
    "newinstructions",
];

/// What the answer contains that addresses the model, as a warning.
pub fn suspicion(answer: &str, language: Language) -> Option<Note> {
    let lower = answer.to_lowercase();
    let dense = fold(answer);
    let mark = MARKS.iter().find(|mark| lower.contains(**mark));
    let request = REQUESTS.iter().find(|request| dense.contains(**request));
    let found: Vec<&str> = [mark, request].into_iter().flatten().copied().collect();
    if found.is_empty() {
        return None;
    }
    let found = found.join(", ");
    let detail = language.pick(
        format!("답변에 평가 모델을 향한 말이 들어 있습니다: {found}"),
        format!("the answer contains text aimed at the model: {found}"),
    );
    Some(Note::new("injection_suspected", detail))
}

/// Letters and digits only, lower case.
pub(crate) fn fold(text: &str) -> String {
    text.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
