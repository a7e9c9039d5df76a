#!/usr/bin/env python3
"""Vectors of sentence-transformers and transformers for the tests of crates/retrieval.

    pip install torch==2.4.1 transformers==4.57.6 sentence-transformers==5.1.2
    scripts/embedding_reference.py MINILM_FOLDER crates/retrieval/tests/data

Writes texts.json and minilm.f32 (a row of 384 numbers a text, little-endian), and tiny/: a model of XLM-RoBERTa's kind with random
weights, its tokenizer, and its own vectors: by the mean with E5's prompts, and by the first token.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import XLMRobertaConfig, XLMRobertaModel

KOREAN = [
    "안녕하세요. 정산 시스템을 세 해 동안 만든 백엔드 개발자입니다.",
    "결제 승인 지연을 800ms에서 120ms로 줄였습니다.",
    "동료와 설계를 두고 의견이 갈렸을 때 먼저 측정해 보자고 제안했습니다.",
    "카프카 소비자가 밀리면 알림이 오도록 했습니다.",
    "저는 실수를 빨리 말하는 사람이 되려고 합니다.",
    "트랜잭션 경계를 잘못 잡아서 재고가 음수가 된 적이 있습니다.",
    "대학에서 컴퓨터공학을 전공하고 2019년에 졸업했습니다.",
    "정보처리기사, SQLD, 토익 905점",
    "동아리에서 회장을 맡아 스무 명의 일정을 조율했습니다.",
    "장애가 나면 기록을 남기고 같은 일이 다시 생기지 않게 고칩니다.",
    "새벽에 배포한 뒤 메모리가 새는 것을 발견해 되돌렸습니다.",
    "고객의 말을 끝까지 듣고 나서 해결책을 찾습니다.",
    "프론트엔드와 백엔드 사이의 계약을 문서로 만들었습니다.",
    "지원 동기는 규모가 큰 서비스를 다뤄 보고 싶어서입니다.",
    "입사 후에는 먼저 코드를 읽고 작은 고침부터 하겠습니다.",
    "팀워크란 서로의 빈 곳을 채우는 일이라고 생각합니다.",
    "데이터베이스 색인을 바꾸어 조회가 열 배 빨라졌습니다.",
    "ㅋㅋㅋ 네 그렇습니다ㅎㅎ",
    "값",
    "가나다라마바사아자차카타파하",
]
ENGLISH = [
    "I built the settlement service of an online shop and kept it running for three years.",
    "Payment approval went from 800 ms to 120 ms.",
    "When we disagreed about the design I proposed to measure first.",
    "An alert fires when a consumer falls behind.",
    "I try to say early when I have made a mistake.",
    "B.Sc. in Computer Science, 2019; thesis on consensus protocols.",
    "AWS Certified Solutions Architect, Kubernetes administrator.",
    "As president of the chess club I kept twenty calendars in order.",
    "The outage taught us to rehearse the failover every month.",
    "I listened to the customer before I proposed anything.",
    "Motivation: systems that many people depend on.",
    "Responsible for on-call, incident reviews and the hiring of juniors.",
    "Led a migration from a monolith to eleven services, then back to five.",
    "Fluent in Korean and English; some Japanese.",
    "My greatest weakness is that I rewrite things that work.",
    "the the the the the the the the",
    "a",
    "UPPER CASE ONLY WITH NUMBERS 12345 AND 67890",
    "naïve café résumé coöperate Zürich façade",
    "don't can't won't it's o'clock rock'n'roll",
]
CODE = [
    "fn main() { println!(\"hello\"); }",
    "SELECT id, name FROM users WHERE created_at > now() - interval '1 day';",
    "def f(x):\n    return [y ** 2 for y in x if y % 2]",
    "for (int i = 0; i < n; ++i) { sum += a[i] * b[i]; }",
    "kubectl get pods -n prod | grep -v Running",
    "https://example.com/path?query=1&other=%20#fragment",
    "{\"key\": [1, 2.5, null, true], \"nested\": {\"a\": \"b\"}}",
    "git rebase -i HEAD~3 && git push --force-with-lease",
    "std::unique_ptr<Foo> p = std::make_unique<Foo>(42);",
    "C++, C#, .NET, Node.js, TCP/IP, CI/CD, i18n",
    "# 제목\n- 항목 하나\n- 항목 둘",
    "SELECT * FROM 이력서 WHERE 이름 = '홍길동';",
]
SPACE = [
    "  앞뒤에 빈칸이 있는 글  ",
    "\ttabs\tbetween\twords\t",
    "줄\n바꿈\n\n\n여러\n줄",
    "many     spaces      inside",
    "non\u00a0breaking\u00a0space",
    "전각\u3000빈칸",
    "zero\u200bwidth\u200bspace",
    "\r\nwindows\r\nline ends\r\n",
    "",
    "   \n\t  ",
]
ODD = [
    "😀😃😄 이모지 🎉",
    "🇰🇷 👨‍👩‍👧‍👦 ✅",
    "∑∫√∞ ≤ ≥ ≠ ± ½ ²",
    "日本語とカタカナと漢字",
    "中文简体与繁體字",
    "Привет, как дела?",
    "مرحبا بالعالم",
    "Ελληνικά και ελληνικά",
    "[CLS] not a token [SEP] [MASK] [PAD]",
    "<s> </s> <unk> <pad>",
    "......!!!???---",
    "1234567890 1,234,567.89 10,000건 3.14%",
    "\u1112\u1161\u11ab\u1100\u1173\u11af",
    "ﬁ ﬂ Ⅳ ① ㈜ ㎏ ㄱㄴㄷ",
    "supercalifragilisticexpialidociouspneumonoultramicroscopicsilicovolcanoconiosis",
    "x" * 300,
    "query: what is this",
    "passage: this is that",
]


def texts():
    made = KOREAN + ENGLISH + CODE + SPACE + ODD
    # Longer than the model reads, and around its limit of 256 tokens.
    made += [" ".join(ENGLISH), " ".join(KOREAN), " ".join(KOREAN + ENGLISH), "\n".join(CODE * 4)]
    made += [" ".join(["word"] * count) for count in (252, 253, 254, 255, 256, 600)]
    made += [" ".join(pair) for pair in zip(KOREAN, ENGLISH)]
    return made[:100]


def tiny(folder, all_texts):
    """As multilingual-e5, bge-m3 and KURE are built: Unigram pieces, positions that count on from the padding's id."""
    folder.mkdir(exist_ok=True)
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(normalizers_regex(), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    tokenizer.train_from_iterator(all_texts, trainers.UnigramTrainer(vocab_size=400, special_tokens=special, unk_token="<unk>"))
    ids = {name: tokenizer.token_to_id(name) for name in special}
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", None, [("<s>", ids["<s>"]), ("</s>", ids["</s>"])])
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    config = XLMRobertaConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=32,
        max_position_embeddings=66, type_vocab_size=1, pad_token_id=ids["<pad>"], layer_norm_eps=1e-5,
    )  # fmt: skip
    torch.manual_seed(7)
    model = XLMRobertaModel(config, add_pooling_layer=False).eval()
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.5)
    model.save_pretrained(folder)
    tokenizer.enable_truncation(64)
    vectors = {}
    for name, prompts, pool in [
        ("e5_passage", "passage: ", lambda hidden: hidden.mean(0)),
        ("e5_query", "query: ", lambda hidden: hidden.mean(0)),
        ("cls", "", lambda hidden: hidden[0]),
    ]:
        rows = []
        for text in all_texts[::5]:
            encoding = tokenizer.encode(prompts + text.strip())
            with torch.no_grad():
                hidden = model(torch.tensor([encoding.ids])).last_hidden_state[0]
            rows.append(torch.nn.functional.normalize(pool(hidden), dim=0).numpy())
        vectors[name] = [[round(float(number), 6) for number in row] for row in rows]
    (folder / "vectors.json").write_text(json.dumps(vectors) + "\n")


def normalizers_regex():
    from tokenizers import Regex

    return Regex(" {2,}")


def main():
    minilm, out = Path(sys.argv[1]), Path(sys.argv[2])
    all_texts = texts()
    assert len(all_texts) == 100 and len(set(all_texts)) == 100, (len(all_texts), len(set(all_texts)))
    out.mkdir(parents=True, exist_ok=True)
    (out / "texts.json").write_text(json.dumps(all_texts, ensure_ascii=False, indent=0) + "\n")
    vectors = SentenceTransformer(str(minilm), device="cpu").encode(all_texts, batch_size=8, normalize_embeddings=True)
    vectors.astype("<f4").tofile(out / "minilm.f32")
    print("minilm", vectors.shape, "norms", np.linalg.norm(vectors, axis=1).min(), np.linalg.norm(vectors, axis=1).max())
    tiny(out / "tiny", all_texts)


main()
