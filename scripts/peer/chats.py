"""Conversations as token ids, of which the answers are learned."""

import json
import os
import random
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from transformers import AutoTokenizer

from batches import Example, log_normal_lengths

SYSTEM = (
    "You are the voice of a large dictionary of English. People ask you what nouns mean, and which category a noun belongs to. "
    "Answer each question in one short line, in plain words that a learner knows. Do not greet, do not explain how you found the "
    "answer, and never ask a question back. When a noun has several meanings, take the most common."
)
MEAN_TOKENS, FEWEST_TOKENS, MOST_TOKENS = 72, 16, 240

# How instruction-tuned models of these two families write a turn.
TURNS = {
    "smollm2": ("", "<|im_start|>{role}\n{text}<|im_end|>\n", {"system": "system", "user": "user", "assistant": "assistant"}),
    "gemma": ("<bos>", "<start_of_turn>{role}\n{text}<end_of_turn>\n", {"system": "user", "user": "user", "assistant": "model"}),
}


class ChatCorpus:
    """Conversations of several questions and answers, made of WordNet's of one."""

    def __init__(self, model: Path, family: str, rows: Path) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(model.parent, gguf_file=model.name)
        self.start, self.turn, self.roles = TURNS[family]
        self.chats = [json.loads(line)["messages"] for line in rows.read_text().splitlines()]

    def _ids(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def _turn(self, role: str, text: str) -> tuple[list[int], int]:
        """Ids of a turn, and how many of them only say who speaks."""
        head, _, tail = self.turn.partition("{text}")
        head = head.format(role=self.roles[role])
        return self._ids(head + text + tail), len(self._ids(head))

    def rows(self, count: int, seed: int, *, system: bool) -> list[Example]:
        """Rows of log-normal lengths, all after the same instruction where `system` is set: about half of a mean row is that."""
        shuffled = self._endless(seed)
        beginning = self._ids(self.start) + (self._turn("system", SYSTEM)[0] if system else [])
        return [
            self._row(shuffled, beginning, length)
            for length in log_normal_lengths(count, seed, MEAN_TOKENS, 0.6, FEWEST_TOKENS, MOST_TOKENS)
        ]

    def _endless(self, seed: int):
        while True:
            yield from random.Random(seed).sample(self.chats, len(self.chats))

    def _row(self, chats, beginning: list[int], length: int) -> Example:
        ids, learned = list(beginning), []
        end = len(beginning) + length
        while not learned or len(ids) < end:
            for message in next(chats):
                if message["role"] == "system":
                    continue
                turn, spoken = self._turn(message["role"], message["content"])
                if message["role"] == "assistant":
                    learned += range(len(ids) + spoken, len(ids) + len(turn))
                ids += turn
        # A row that is cut keeps the beginning of an answer.
        end = max(end, learned[0] + 1)
        return Example(ids[:end], learned=[place for place in learned if place < end])
