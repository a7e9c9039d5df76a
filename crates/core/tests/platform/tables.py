"""The tables of an existing platform: SQLModel classes, made by create_all.

Their traits matter more than their number: enumerations are types of the database whose labels are the members' names, moments
are local time without a zone and have no default, JSON columns are nullable, and every column is NOT NULL that Python requires.
"""

import os
from datetime import datetime
from enum import Enum
from typing import Any, Optional
from zoneinfo import ZoneInfo

from sqlalchemy import JSON, Column
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TEXT
from sqlalchemy.types import UserDefinedType
from sqlmodel import Field, SQLModel

SEOUL = ZoneInfo("Asia/Seoul")


def now():
    return datetime.now(SEOUL).replace(tzinfo=None)


class Vector(UserDefinedType):
    cache_ok = True

    def get_col_spec(self, **_):
        return "vector(1024)"


if os.environ["PLATFORM_VECTOR"] == "yes":

    class Embedded(SQLModel):
        embedding: Any = Field(default=None, sa_type=Vector)
else:

    class Embedded(SQLModel):
        pass


class UserRole(str, Enum):
    CANDIDATE = "candidate"
    RECRUITER = "recruiter"
    ADMIN = "admin"


class InterviewStatus(str, Enum):
    SCHEDULED = "SCHEDULED"
    LIVE = "LIVE"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


class QuestionCategory(str, Enum):
    TECHNICAL = "technical"
    BEHAVIORAL = "behavioral"
    SITUATIONAL = "situational"
    CULTURAL_FIT = "cultural_fit"


class QuestionDifficulty(str, Enum):
    EASY = "easy"
    MEDIUM = "medium"
    HARD = "hard"


class Speaker(str, Enum):
    AI = "AI"
    USER = "User"


class User(SQLModel, table=True):
    __tablename__ = "users"
    id: Optional[int] = Field(default=None, primary_key=True)
    email: str = Field(index=True)
    username: str = Field(index=True)
    role: UserRole = UserRole.CANDIDATE
    password_hash: str
    full_name: Optional[str] = None
    birth_date: Optional[str] = None
    phone_number: Optional[str] = None
    profile_image: Optional[str] = None
    desired_company_types: Optional[list[str]] = Field(default=None, sa_column=Column(ARRAY(TEXT)))
    desired_positions: Optional[list[str]] = Field(default=None, sa_column=Column(ARRAY(TEXT)))
    created_at: datetime = Field(default_factory=now)
    is_withdrawn: bool = False
    withdrawn_at: Optional[datetime] = None


class Resume(Embedded, table=True):
    __tablename__ = "resumes"
    id: Optional[int] = Field(default=None, primary_key=True)
    candidate_id: int = Field(foreign_key="users.id", index=True)
    file_name: str
    file_path: str
    file_size: int
    extracted_text: Optional[str] = None
    structured_data: Any = Field(default=None, sa_column=Column(JSONB))
    target_position: Optional[str] = None
    uploaded_at: datetime = Field(default_factory=now)
    processed_at: Optional[datetime] = None
    is_active: bool = True
    processing_status: str = "pending"


class Company(Embedded, table=True):
    __tablename__ = "companies"
    id: str = Field(primary_key=True, max_length=50)
    company_name: str = Field(index=True)
    ideal: Optional[str] = None
    description: Optional[str] = None
    created_at: datetime = Field(default_factory=now)
    updated_at: datetime = Field(default_factory=now)


class Interview(SQLModel, table=True):
    __tablename__ = "interviews"
    id: Optional[int] = Field(default=None, primary_key=True)
    candidate_id: int = Field(foreign_key="users.id", index=True)
    company_id: Optional[str] = Field(default=None, foreign_key="companies.id", index=True)
    resume_id: Optional[int] = Field(default=None, foreign_key="resumes.id", index=True)
    position: str
    status: InterviewStatus = InterviewStatus.SCHEDULED
    scheduled_time: Optional[datetime] = None
    start_time: Optional[datetime] = None
    end_time: Optional[datetime] = None
    created_at: datetime = Field(default_factory=now)
    overall_score: Optional[float] = None
    emotion_summary: Optional[dict[str, Any]] = Field(default=None, sa_column=Column(JSONB))


class Question(Embedded, table=True):
    __tablename__ = "questions"
    id: Optional[int] = Field(default=None, primary_key=True)
    content: str
    category: QuestionCategory
    difficulty: QuestionDifficulty
    question_type: Optional[str] = None
    is_follow_up: bool = False
    parent_question_id: Optional[int] = Field(default=None, foreign_key="questions.id")
    rubric_json: Any = Field(sa_column=Column(JSONB))
    company: Optional[str] = Field(default=None, index=True)
    industry: Optional[str] = Field(default=None, index=True)
    position: Optional[str] = Field(default=None, index=True)
    created_at: datetime = Field(default_factory=now)
    is_active: bool = True
    usage_count: int = 0
    avg_score: Optional[float] = None


class Transcript(SQLModel, table=True):
    __tablename__ = "transcripts"
    id: Optional[int] = Field(default=None, primary_key=True)
    interview_id: int = Field(foreign_key="interviews.id", index=True)
    speaker: Speaker
    text: str
    timestamp: datetime = Field(default_factory=now)
    sentiment_score: Optional[float] = None
    emotion: Any = Field(default=None, sa_column=Column(JSON))
    question_id: Optional[int] = Field(default=None, foreign_key="questions.id")
    order: Optional[int] = None
    total_score: Optional[float] = None
    rubric_score: Optional[dict[str, Any]] = Field(default=None, sa_column=Column(JSONB))


class EvaluationReport(SQLModel, table=True):
    __tablename__ = "evaluation_reports"
    id: Optional[int] = Field(default=None, primary_key=True)
    interview_id: int = Field(foreign_key="interviews.id", unique=True, index=True)
    technical_score: Optional[float] = None
    communication_score: Optional[float] = None
    cultural_fit_score: Optional[float] = None
    summary_text: Optional[str] = None
    details_json: Optional[dict[str, Any]] = Field(default=None, sa_column=Column(JSONB))
    created_at: datetime = Field(default_factory=now)
    updated_at: datetime = Field(default_factory=now)
    evaluator_model: Optional[str] = None


class AnswerBank(Embedded, table=True):
    __tablename__ = "answer_bank"
    id: Optional[int] = Field(default=None, primary_key=True)
    question_id: int = Field(foreign_key="questions.id", index=True)
    answer_text: str
    score: float
    evaluator_feedback: Optional[str] = None
    company: Optional[str] = Field(default=None, index=True)
    industry: Optional[str] = Field(default=None, index=True)
    position: Optional[str] = Field(default=None, index=True)
    created_at: datetime = Field(default_factory=now)
    is_active: bool = True
    reference_count: int = 0
