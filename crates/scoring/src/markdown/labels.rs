//! The report's fixed words.

use crate::Language;

/// Fixed words in one language.
pub(super) struct Labels {
    pub(super) title: &'static str,
    pub(super) notice: &'static str,
    pub(super) overall: &'static str,
    pub(super) no_score: &'static str,
    pub(super) answers: &'static str,
    pub(super) scored: &'static str,
    pub(super) insufficient: &'static str,
    pub(super) failed: &'static str,
    pub(super) areas: &'static str,
    pub(super) area_columns: &'static str,
    pub(super) renormalised: &'static str,
    pub(super) missing_stages: &'static str,
    pub(super) summary: &'static str,
    pub(super) strengths: &'static str,
    pub(super) improvements: &'static str,
    pub(super) narrative_failed: &'static str,
    pub(super) not_written: &'static str,
    pub(super) nothing_scored: &'static str,
    pub(super) questions: &'static str,
    pub(super) question_columns: &'static str,
    pub(super) details: &'static str,
    pub(super) no_evidence: &'static str,
    pub(super) feedback: &'static str,
    pub(super) warning: &'static str,
    pub(super) made: &'static str,
    pub(super) how: &'static str,
    pub(super) model: &'static str,
    pub(super) engine: &'static str,
    pub(super) rubric: &'static str,
}

impl Labels {
    pub(super) fn of(language: Language) -> &'static Self {
        language.pick(&KOREAN, &ENGLISH)
    }
}

static KOREAN: Labels = Labels {
    title: "면접 평가 보고서",
    notice: "주의.",
    overall: "종합 점수",
    no_score: "점수 없음",
    answers: "답변",
    scored: "평가됨",
    insufficient: "판단 근거 부족",
    failed: "평가 실패",
    areas: "영역별 점수",
    area_columns: "| 영역 | 점수 | 구간 | 정해진 비중 | 적용된 비중 |",
    renormalised: "점수가 없는 영역은 종합 점수에서 빠졌고, 그 비중은 나머지 영역에 비례해서 나누었습니다.",
    missing_stages: "평가된 답변이 없는 단계",
    summary: "총평",
    strengths: "강점",
    improvements: "보완할 점",
    narrative_failed: "모델이 총평을 쓰지 못했습니다. 대신 지어내지 않습니다.",
    not_written: "아직 총평을 쓰지 않았습니다.",
    nothing_scored: "점수를 받은 답변이 없어 총평이 없습니다.",
    questions: "질문과 결과",
    question_columns: "| 번호 | 단계 | 질문 | 결과 |",
    details: "답변별 평가",
    no_evidence: "근거 없음",
    feedback: "의견",
    warning: "알림",
    made: "이 보고서가 만들어진 방법",
    how: "답변마다 언어 모델이 채점표의 항목별 점수와 근거가 되는 대목을 골랐습니다. 합계와 종합 점수는 프로그램이 계산했고, 인용은 답변에 그대로 있는지 \
          확인했습니다(대괄호는 답변에서의 글자 위치). 근거가 없는 항목은 가장 낮은 구간을 넘을 수 없습니다. 판단할 수 없는 답변에는 점수를 주지 않았습니다. \
          표정, 목소리, 감정은 쓰지 않았습니다. 채용 결정은 사람이 내려야 합니다.",
    model: "모델",
    engine: "엔진",
    rubric: "채점표",
};

static ENGLISH: Labels = Labels {
    title: "Interview report",
    notice: "Note.",
    overall: "Overall score",
    no_score: "no score",
    answers: "Answers",
    scored: "scored",
    insufficient: "too little to judge",
    failed: "failed",
    areas: "Scores by area",
    area_columns: "| Area | Score | Band | Stated weight | Applied weight |",
    renormalised: "Areas without a score were left out of the overall score; their weight was shared among the others in proportion.",
    missing_stages: "Stages without a scored answer",
    summary: "Summary",
    strengths: "Strengths",
    improvements: "To improve",
    narrative_failed: "The model could not write a summary, and none was made up.",
    not_written: "The summary has not been written yet.",
    nothing_scored: "No answer has a score, so there is nothing to sum up.",
    questions: "Questions and results",
    question_columns: "| No. | Stage | Question | Result |",
    details: "Answer by answer",
    no_evidence: "no evidence",
    feedback: "Feedback",
    warning: "Note",
    made: "How this report was made",
    how: "For each answer a language model chose points for every item of the rubric and the passage they rest on. Totals and the overall score were \
          computed by the program, and each quote was checked to stand in the answer (brackets: its characters). An item without evidence cannot rise above \
          the lowest band. Answers that cannot be judged got no score. No face, voice or emotion was used. People must take the hiring decision.",
    model: "Model",
    engine: "Engine",
    rubric: "Rubric",
};
