"""What an existing platform does with its database: `backend.py fill|read|go_on|forget URL`, where URL is postgresql://...

`fill` makes the tables and two interviews: 152, which the platform has scored itself, and 153, which nobody has. `read` prints each
interview as the platform's objects show it. `go_on` writes on beside Viva's rows, `forget` deletes an interview with all that is its.
"""

import json
import os
import sys
from datetime import datetime, timedelta
from enum import Enum

from sqlalchemy import delete, func, null, text
from sqlmodel import Session, SQLModel, create_engine, select

URL = sys.argv[2].replace("postgresql:", "postgresql+psycopg:", 1)
ENGINE = create_engine(URL)

with ENGINE.connect() as asked:
    has_vector = asked.execute(text("SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'")).scalar() == 1
os.environ["PLATFORM_VECTOR"] = "yes" if has_vector else "no"

import tables as t  # noqa: E402  (which columns the classes have depends on the server)

STAGES = (
    "intro motivation skill skill_followup experience experience_followup problem_solving problem_solving_followup communication "
    "communication_followup responsibility responsibility_followup growth growth_followup final_statement"
).split()
PARTS = {
    "평가영역": "직무 지식",
    "세부항목점수": {"개념의 정확성": 40, "논리성": 20, "용어 활용력": 12},
    "항목별배점": {"개념의 정확성": 50, "논리성": 30, "용어 활용력": 20},
}


def rubric(place):
    """As dictionaries, encoded twice, JSON's null, and nothing at all: all four are found."""
    plain = {"평가영역": "직무 지식", "항목": [{"이름": "논리성", "배점": 30}]}
    return [plain, json.dumps(plain, ensure_ascii=False), None, null()][place % 4]


def fill():
    with ENGINE.begin() as connection:
        if has_vector:
            connection.execute(text("CREATE EXTENSION IF NOT EXISTS vector"))
        SQLModel.metadata.create_all(connection)
    with Session(ENGINE) as session:
        people(session)
        for number, stage in enumerate(STAGES, start=1):
            session.add(question(number, stage))
        session.flush()
        interview(session, 152, answers=3, scored=True)
        interview(session, 153, answers=17, scored=False)
        session.add(t.AnswerBank(question_id=3, answer_text="좋은 답", score=91.5))
        session.commit()
    return {"vector": has_vector}


def people(session):
    roles = [("candidate@example.com", t.UserRole.CANDIDATE, ["대기업", "스타트업"]), ("r@example.com", t.UserRole.RECRUITER, None)]
    for email, role, types in roles:
        name = email.split("@")[0]
        session.add(t.User(email=email, username=name, role=role, password_hash="x", desired_company_types=types, desired_positions=[]))
    session.add(t.Company(id="KAKAO", company_name="카카오", ideal="스스로 배우는 사람"))
    session.flush()
    structured = {"header": {"name": "김", "target_role": "백엔드"}, "projects": [{"title": "면접", "period": None}]}
    for data in [structured, json.dumps(structured, ensure_ascii=False)]:
        session.add(t.Resume(candidate_id=1, file_name="이력서.pdf", file_path="uploads/1.pdf", file_size=1024, structured_data=data))
    session.flush()


def question(number, stage):
    follow_up = stage.endswith("_followup")
    kind = t.QuestionCategory.TECHNICAL if "skill" in stage else t.QuestionCategory.BEHAVIORAL
    parent = number - 1 if follow_up else None
    return t.Question(
        id=number, content=f"[{stage}] 질문 {number}?", category=kind, difficulty=t.QuestionDifficulty.MEDIUM, question_type=stage,
        is_follow_up=follow_up, parent_question_id=parent, rubric_json=rubric(number),
    )  # fmt: skip


def interview(session, number, answers, scored):
    began = t.now() - timedelta(hours=1)
    session.add(
        t.Interview(
            id=number, candidate_id=1, company_id="KAKAO" if scored else None, resume_id=1, position="Backend 개발자",
            status=t.InterviewStatus.COMPLETED, start_time=began, end_time=t.now(), created_at=began,
            overall_score=72.5 if scored else None, emotion_summary={"happy": 0.5} if scored else None,
        )
    )  # fmt: skip
    session.flush()
    for place in range(answers):
        # The last answers were saved without their question; the very last without its place, too.
        asked = place + 1 if place < len(STAGES) else None
        order = None if place + 1 == answers > len(STAGES) else 2 * place + 1
        session.add(t.Transcript(interview_id=number, speaker=t.Speaker.AI, text="다음 질문입니다 | 1", question_id=asked, order=2 * place))
        session.flush()
        said = t.Transcript(interview_id=number, speaker=t.Speaker.USER, text=f"답 {place}\n둘째 줄", question_id=asked, order=order)
        said.emotion = {"q_idx": place, "gaze": 80, "total": 71.5, "frames": []} if place % 2 else None
        if scored:
            said.total_score, said.rubric_score, said.sentiment_score = 72.0, PARTS, 65.0
        session.add(said)
        session.flush()
    if scored:
        details = {"overall_score": 72.5, "strengths": ["구체적"], "improvements": ["수치"], "technical_feedback": "좋음"}
        scores = {"technical_score": 72.0, "communication_score": 70.0, "cultural_fit_score": 75.5}
        session.add(t.EvaluationReport(interview_id=number, summary_text="요약", details_json=details, evaluator_model="m", **scores))


def shown(thing):
    """Each field's type and value, as Python has them."""
    values = {name: getattr(thing, name) for name in type(thing).model_fields}
    plain = lambda value: value.name if isinstance(value, Enum) else value.isoformat() if isinstance(value, datetime) else value  # noqa: E731
    return {name: {"type": type(value).__name__, "value": plain(value)} for name, value in values.items()}


def read():
    with Session(ENGINE) as session:
        return {str(found.id): all_of(session, found) for found in session.exec(select(t.Interview)).all()}


def all_of(session, found):
    said = select(t.Transcript).where(t.Transcript.interview_id == found.id, t.Transcript.speaker == t.Speaker.USER)
    answers = session.exec(said.order_by(t.Transcript.order)).all()
    asked = session.exec(select(t.Question).where(t.Question.id.in_([answer.question_id for answer in answers]))).all()
    report = session.exec(select(t.EvaluationReport).where(t.EvaluationReport.interview_id == found.id)).first()
    return {
        "interview": shown(found),
        "answers": [shown(answer) for answer in answers],
        "questions": [shown(question) for question in asked],
        "report": report and shown(report),
        "report_age_s": report and [(t.now() - moment).total_seconds() for moment in (report.created_at, report.updated_at)],
    }


def go_on():
    """Changes what Viva wrote, and adds to it."""
    with Session(ENGINE) as session:
        report = session.exec(select(t.EvaluationReport).where(t.EvaluationReport.interview_id == 153)).one()
        report.details_json, report.updated_at = {**report.details_json, "major_emotion": "neutral"}, t.now()
        session.add(t.Transcript(interview_id=153, speaker=t.Speaker.USER, text="하나 더", order=99))
        session.commit()


def forget():
    with Session(ENGINE) as session:
        for table in (t.EvaluationReport, t.Transcript):
            session.exec(delete(table).where(table.interview_id == 153))
        session.exec(delete(t.Interview).where(t.Interview.id == 153))
        session.commit()
        return session.exec(select(func.count()).select_from(t.Interview)).one()


print(json.dumps({"fill": fill, "read": read, "go_on": go_on, "forget": forget}[sys.argv[1]](), ensure_ascii=False))
