import Datasets
import Testing

/// Every refusal of a row for language models, with the whole line that a user sees.
@Suite struct ConversationErrorTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let json: String
        let columns: ColumnNames
        let message: String
        var testDescription: String { name }

        init(_ name: String, _ json: String, _ message: String, text: [String]? = nil) {
            (self.name, self.json, self.message) = (name, json, message)
            columns = ColumnNames(text: text)
        }
    }

    /// One message of a chat.
    private static func one(_ name: String, _ message: String, _ problem: String) -> Row {
        Row(name, #"{"messages": [\#(message)]}"#, "message 1 of 'messages' " + problem)
    }

    static let formats: [Row] = [
        Row(
            "nothing", "{}",
            "nothing to learn is found (such as 'messages', 'prompt' and 'completion', or 'text'); there are no columns: "
                + "name one, or a prompt's and a completion's, with --text-column"),
        Row(
            "other columns", #"{"question": "a", "answer": "b", "text": null}"#,
            "nothing to learn is found (such as 'messages', 'prompt' and 'completion', or 'text'); the columns are "
                + "'answer', 'question', 'text': name one, or a prompt's and a completion's, with --text-column"
        ),
        Row(
            "two formats", #"{"messages": [{"role": "user", "content": "a"}], "text": "b"}"#,
            "'messages', 'text' could each be what is learned; choose with --text-column, two with a comma between them"
        ),
        Row(
            "Stanford's file", #"{"instruction": "a", "input": "", "output": "b", "text": "c"}"#,
            "'instruction + output', 'text' could each be what is learned; choose with --text-column, two with a comma "
                + "between them"),
        Row(
            "two answers", #"{"prompt": "a", "completion": "b", "response": "c"}"#,
            "'prompt + completion', 'prompt + response' could each be what is learned; choose with --text-column, two "
                + "with a comma between them"),
        Row(
            "tokenised", #"{"input_ids": [1, 2], "labels": [1, 2]}"#,
            "the row is tokenised ('input_ids'); give the messages or the text that it was made of"),
        Row(
            "preferences", #"{"prompt": "a", "chosen": "b", "rejected": "c"}"#,
            "the row says which of two answers is better ('chosen', 'rejected'); give the better one alone, as messages or "
                + "as prompt and completion"),
        Row(
            "preferences of LLaMA-Factory",
            #"{"conversations": [{"from": "human", "value": "a"}], "chosen": {"from": "gpt", "value": "b"}, "rejected": {"from": "gpt", "value": "c"}}"#,
            "'chosen' and 'rejected' say which of two answers is better; put the better one behind the messages, and "
                + "remove both"),
        Row(
            "KTO", #"{"prompt": "a", "completion": "b", "label": false}"#,
            "'label' says whether the answer is a good one; keep the good ones, and remove the column from them"
        ),
        Row(
            "KTO of LLaMA-Factory", #"{"instruction": "a", "output": "b", "kto_tag": false}"#,
            "'kto_tag' says whether the answer is a good one; keep the good ones, and remove the column from them"
        ),
        Row(
            "no completion", #"{"prompt": "a"}"#,
            "'prompt' without its answer ('completion' or 'response'); the columns are 'prompt': name both with "
                + "--text-column prompt,…"),
        Row(
            "no output", #"{"instruction": "a", "input": "b"}"#,
            "'instruction' without its answer ('output' or 'response'); the columns are 'input', 'instruction': name both "
                + "with --text-column instruction,…"),
        Row(
            "pictures", #"{"messages": [{"role": "user", "content": "<image>"}], "images": ["a.png"]}"#,
            "the row has images; language models read text alone: remove the column, or the row"),
        Row(
            "a named column that is not there", #"{"text": "a"}"#,
            "no text column 'body'; the columns are 'text': name one with --text-column", text: ["body"]),
        Row(
            "three columns", #"{"text": "a"}"#,
            "3 text columns were asked for; name one, or two different ones: a prompt's and a completion's",
            text: ["a", "b", "c"]),
        Row(
            "a named column of numbers", #"{"body": 3}"#,
            "column 'body' is a number, not a string; put the text in quotes", text: ["body"]),
        Row(
            "text", #"{"text": ["a"]}"#,
            "column 'text' is an object or an array, not a string; put the text in quotes"),
        Row("NUL in a text", #"{"text": "a\u0000"}"#, "NUL character in the text; remove it"),
        Row(
            "NUL in a tool",
            #"{"messages": [{"role": "user", "content": "a"}], "tools": [{"a\u0000": 1}]}"#,
            "NUL character in the row; remove it"),
    ]

    static let turns: [Row] = [
        Row(
            "messages in a string", #"{"messages": "[]"}"#,
            "'messages' is a string, not an array of messages; write [{\"role\": \"user\", \"content\": \"…\"}, …]"
        ),
        Row("no message", #"{"messages": []}"#, "'messages' is empty; remove the row"),
        one(
            "a text", #""a""#,
            "is a string, not an object; write [{\"role\": \"user\", \"content\": \"…\"}, …]"),
        one(
            "no role", #"{"content": "a"}"#,
            "has no role; write [{\"role\": \"user\", \"content\": \"…\"}, …]"),
        one(
            "a number for a role", #"{"role": 1, "content": "a"}"#,
            "has a number for its role; write [{\"role\": \"user\", \"content\": \"…\"}, …]"),
        one(
            "a role with a slip", #"{"role": "assistent", "content": "a"}"#,
            "has the role 'assistent', which is not known; write 'assistant'"),
        one(
            "a role of sharegpt", #"{"role": "gpt", "content": "a"}"#,
            "has the role 'gpt', which is not known; write 'assistant'"),
        one(
            "an unknown role", #"{"role": "narrator", "content": "a"}"#,
            "has the role 'narrator', which is not known; the roles are 'system', 'developer', 'user', 'assistant', 'tool'"
        ),
        one("no content", #"{"role": "user"}"#, "has no content; write what is said"),
        one("null", #"{"role": "user", "content": null}"#, "has no content; write what is said"),
        one(
            "null without calls", #"{"role": "assistant", "content": null, "tool_calls": []}"#,
            "has no content; write what is said, or tool_calls"),
        one(
            "an object", #"{"role": "user", "content": {}}"#,
            "has an object or an array for its content; write a string"),
        one(
            "a part without a type", #"{"role": "user", "content": ["a"]}"#,
            "has a part without a type; write {\"type\": \"text\", \"text\": \"…\"}"),
        one(
            "a picture", #"{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}"#,
            "has a part of the type 'image_url'; language models read text alone: remove the part, or the row"
        ),
        one(
            "a part without text", #"{"role": "user", "content": [{"type": "text"}]}"#,
            "has a part without its text; write {\"type\": \"text\", \"text\": \"…\"}"),
        one(
            "a name", #"{"role": "user", "content": "a", "name": 1}"#,
            "has a number for 'name'; write a string"),
        one(
            "thoughts", #"{"role": "assistant", "content": "a", "thinking": []}"#,
            "has an object or an array for 'thinking'; write a string"),
        one(
            "a weight between", #"{"role": "assistant", "content": "a", "weight": 0.5}"#,
            "has the weight '0.5'; a message is learned or not: write 0 or 1"),
        one(
            "train as text", #"{"role": "assistant", "content": "a", "train": "yes"}"#,
            "has the train '\"yes\"'; a message is learned or not: write true or false"),
        one(
            "two switches", #"{"role": "assistant", "content": "a", "train": true, "weight": 0}"#,
            "says by 'train' and by 'weight' different things; remove one of them"),
        one(
            "parts that train",
            #"{"role": "assistant", "content": "a", "train_detail": [{"begin_offset": 0}]}"#,
            "says which of its characters train; say it of whole messages, or write 'segments'"),
        one(
            "OpenAI's old calls", #"{"role": "assistant", "content": null, "function_call": {"name": "f"}}"#,
            "has a function_call, which no template reads; write it into tool_calls"),
        one(
            "calls", #"{"role": "assistant", "tool_calls": "f"}"#,
            "has a string for its tool_calls; write [{\"type\": \"function\", \"function\": {\"name\": \"…\", \"arguments\": {…}}}]"
        ),
        one(
            "a call without a name", #"{"role": "assistant", "tool_calls": [{"function": {}}]}"#,
            "calls a tool without a name; write [{\"type\": \"function\", \"function\": {\"name\": \"…\", \"arguments\": {…}}}]"
        ),
        one(
            "a user who calls", #"{"role": "user", "content": "a", "tool_calls": [{"name": "f"}]}"#,
            "calls tools, and is not an assistant's; check who speaks"),
        one(
            "a tool first", #"{"role": "tool", "content": "a"}"#,
            "is a tool's, which nobody called; put the messages in order"),
        Row(
            "two ways to write",
            #"{"messages": [{"role": "user", "content": "a"}, {"from": "gpt", "value": "b"}]}"#,
            "message 2 of 'messages' has no role; name who speaks 'role' and what is said 'content' in all of them"
        ),
        Row(
            "two systems", #"{"messages": [{"role": "system", "content": "a"}], "system": "b"}"#,
            "the row has both 'system' and a message of it; remove one of them"),
        Row(
            "a system of numbers", #"{"messages": [{"role": "user", "content": "a"}], "system": 1}"#,
            "column 'system' is a number, not a string; put the text in quotes"),
    ]

    private static func beside(_ members: String) -> String {
        #"{"messages": [{"role": "user", "content": "a"}], \#(members)}"#
    }

    private static func shareGPT(_ name: String, _ message: String, _ problem: String) -> Row {
        Row(
            name, #"{"conversations": [{"from": "human", "value": "a"}, \#(message)]}"#,
            "message 2 of 'conversations' " + problem)
    }

    static let others: [Row] = [
        Row(
            "tools", beside(#""tools": {"a": 1}"#),
            "'tools' is an object or an array, not an array; write [{\"type\": \"function\", …}]"),
        Row(
            "a tool", beside(#""tools": ["a"]"#),
            "'tools' holds a string; each tool is an object: {\"type\": \"function\", …}"),
        Row(
            "tools in a broken string", beside(#""tools": "[{]""#),
            "'tools' is a string that is no JSON: ']' where a key should begin; write it without quotes around it"
        ),
        Row(
            "documents", beside(#""documents": 1"#),
            "'documents' is a number, not an array; write [{\"text\": \"…\"}]"),
        Row(
            "variables", beside(#""chat_template_kwargs": []"#),
            "'chat_template_kwargs' is an object or an array, not an object; write {\"enable_thinking\": false}"
        ),
        Row(
            "a variable of its own", beside(#""chat_template_kwargs": {"tools": []}"#),
            "'chat_template_kwargs' has 'tools'; write it beside the messages, or remove it"),
        shareGPT(
            "nobody", #"{"value": "a"}"#, "has no 'from'; write [{\"from\": \"human\", \"value\": \"…\"}, …]"),
        shareGPT(
            "a number", #"{"from": 1, "value": "a"}"#,
            "has a number for 'from'; write [{\"from\": \"human\", \"value\": \"…\"}, …]"),
        shareGPT(
            "a slip", #"{"from": "humam", "value": "a"}"#, "is from 'humam', whom nobody knows; write 'human'"
        ),
        shareGPT(
            "a stranger", #"{"from": "narrator", "value": "a"}"#,
            "is from 'narrator', whom nobody knows; write human, gpt, system, function_call or observation"),
        shareGPT("no value", #"{"from": "gpt"}"#, "has no value; each value is a string"),
        shareGPT(
            "a null", #"{"from": "gpt", "value": null}"#, "has null for its value; each value is a string"),
        shareGPT(
            "both", #"{"from": "gpt", "value": "a", "content": "b"}"#,
            "has both 'from' and 'content'; remove one of them"),
        shareGPT(
            "a call", #"{"from": "function_call", "value": "f(x)"}"#,
            "is a function_call that is no JSON of a name and arguments; write {\"name\": \"…\", \"arguments\": {…}}, or an "
                + "array of them, as a string"),
        Row(
            "Dolly", #"{"instruction": "a", "context": "b", "response": "c"}"#,
            "'context' beside 'instruction' is no part of this format; rename it to input, or remove it"),
        Row(
            "no instruction", #"{"instruction": "", "output": "b"}"#,
            "the instruction is empty; write one, or remove the row"),
        Row(
            "two outputs", #"{"instruction": "a", "output": ["b", "c"]}"#,
            "column 'output' is an object or an array, not a string; put the text in quotes"),
        Row(
            "history", #"{"instruction": "a", "output": "b", "history": "c"}"#,
            "'history' is a string, not an array of pairs; write [[\"question\", \"answer\"], …]"),
        Row(
            "no pairs", #"{"instruction": "a", "output": "b", "history": [["c", "d"], ["e"]]}"#,
            "entry 2 of 'history' is no pair of strings; write [[\"question\", \"answer\"], …]"),
        Row(
            "a string and messages",
            #"{"prompt": "a", "completion": [{"role": "assistant", "content": "b"}]}"#,
            "'prompt' is a string and 'completion' an array; write both as strings, or both as messages"),
        Row(
            "messages and a string", #"{"prompt": [{"role": "user", "content": "b"}], "completion": "a"}"#,
            "'completion' is a string, not an array of messages; write [{\"role\": \"user\", \"content\": \"…\"}, …]"
        ),
        Row(
            "a system for a string", #"{"prompt": "a", "completion": "b", "system": "c"}"#,
            "'system' stands beside a prompt that is a string; write the prompt as messages"),
        Row(
            "segments", #"{"segments": "a"}"#,
            "'segments' is a string, not an array of segments; write [{\"text\": \"…\", \"label\": true}, …]"),
        Row("no segments", #"{"segments": []}"#, "'segments' is empty; remove the row"),
        Row(
            "a segment without a label", #"{"segments": [{"text": "a", "label": 1}]}"#,
            "segment 1 of 'segments' lacks its text, or a label that is true or false; write [{\"text\": \"…\", \"label\": "
                + "true}, …]"),
    ]

    @Test(arguments: formats + turns + others) func isRefused(row: Row) throws {
        let good = "{\"text\": \"a\", \"body\": \"b\", \"a\": \"\", \"b\": \"\", \"c\": \"\"}\n"
        let before = row.columns.text?.count == 3 ? "" : good
        let columns = row.columns
        let error = try #require(throws: DataError.self) {
            try Dataset.parse(
                Array("\(before)\(row.json)\n".utf8), name: "f", format: .jsonl, form: .conversations,
                columns: columns, requireLabels: true)
        }
        #expect(error.description == "f:\(before.isEmpty ? 1 : 2): \(row.message)")
    }

    /// Where rows have lines of their own they are told by them, else by their number.
    @Test func arrays() throws {
        func message(_ text: String, _ format: DataFormat = .json) throws -> String {
            try #require(throws: DataError.self) {
                try Dataset.parse(
                    Array(text.utf8), name: "f", format: format, form: .conversations, requireLabels: true)
            }.description
        }
        let good = #"{"text": "a"}"#
        for (text, expected) in [
            (
                "[\(good), {\"text\": 1}]",
                "f: row 2 of the array: column 'text' is a number, not a string; put the text in quotes"
            ),
            (
                "[\(good),\n {\n\"text\": 1}]",
                "f:2: column 'text' is a number, not a string; put the text in quotes"
            ),
            ("[\(good),\n\n 3]", "f:3: this is a number, not an object; each row is an object in braces"),
            (
                "[\(good),\n{\n\"a\": 1, \"a\": 2}]",
                "f:2: broken JSON on line 3 of the file: duplicate key 'a'; each row must be one complete JSON object"
            ),
            ("[]", "f: the array is empty; check the path"),
            ("[\(good)", "f:1: the array does not end; make or download the file again"),
            (
                "[\(good),\n{\"text\": \"a",
                "f:2: the array ends within row 2; make or download the file again"
            ),
            ("[\(good),]", "f:1: a row is missing; remove the comma, or write the row"),
            ("[,]", "f:1: a row is missing; remove the comma, or write the row"),
            ("[\(good) \(good)]", "f:1: no comma between two rows; put one between them"),
            (
                "[\(good)]\n[\(good)]",
                "f:2: something stands behind the array; remove it, or write one array of all rows"
            ),
            (
                "{\n\"data\": [\(good)]}",
                "f: the document is no array of rows; write [{…}, {…}], or one object per line"
            ),
            (" ", "f: the file is empty; check the path"),
        ] {
            #expect(try message(text) == expected)
        }
        #expect(
            try message("[\(good)]", .jsonl)
                == "f:1: the line is not a JSON object; write one object per line; jq -c '.[]' turns an array into lines"
        )
    }
}
