import ChatTemplates
import ModelFiles
import Testing

/// What a template that cannot be read or rendered says.
struct ChatTemplateErrorTests {
    private static let data: JSONObject = ["d": .object(["a": .number(1)]), "s": .string("text")]

    @Test(arguments: [
        (
            "\n{{ s | shout }}",
            "test: line 2: the filter 'shout' is not supported; use a template that does without"
        ),
        (
            "{% if s %}\n\n{{ s is loud }}{% endif %}",
            "test: line 3: the test 'loud' is not supported; use a template that does without"
        ),
        (
            "a\n{{ cycler('a') }}",
            "test: line 2: the function 'cycler' is not supported; use a template that does without"
        ),
        (
            "{{ s.swapcase() }}",
            "test: line 1: the method 'swapcase' of str is not supported; use a template that does without"
        ),
        (
            "x\n{% include 'y' %}",
            "test: line 2: the statement 'include' is not supported; use a template that does without"
        ),
        (
            "{% for x in s recursive %}{% endfor %}",
            "test: line 1: a recursive loop is not supported; use a template that does without"
        ),
        ("{{ f(*s) }}", "test: line 1: a call with '*' is not supported; use a template that does without"),
        (
            "{{ s % 1 }}",
            "test: line 1: formatting a text with '%' is not supported; use a template that does without"
        ),
        (
            "{% macro m() %}\n{% generation %}x{% endgeneration %}{% endmacro %}{{ m() }}",
            "test: line 2: a generation block inside a macro, call, filter or set block is not supported; use a template that does without"
        ),
        (
            "\n\n{{ raise_exception('Roles must\nalternate') }}",
            "test: line 3: the template refuses the conversation: Roles must\\u{a}alternate; change the conversation"
        ),
        (
            "{{ d.b.c }}",
            "test: line 1: 'dict object' has no attribute 'b'; check the conversation and the template's variables"
        ),
        (
            "{{\nnope + 1 }}",
            "test: line 2: 'nope' is undefined; check the conversation and the template's variables"
        ),
        (
            "{{ 'a' + 1 }}",
            "test: line 1: can only concatenate str (not \"int\") to str; check the conversation and the template's variables"
        ),
        (
            "{{ d.update(d) }}",
            "test: line 1: the method 'update' of dict changes its value, which Jinja2's sandbox forbids; check the conversation and the template's variables"
        ),
        (
            "{{ namespace(_x=1) }}",
            "test: line 1: the member '_x' of a namespace begins with '_'; check the conversation and the template's variables"
        ),
        (
            "{{ s(1) }}",
            "test: line 1: 'str' object is not callable; check the conversation and the template's variables"
        ),
        (
            "{{ s.split(1, 2, 3) }}",
            "test: line 1: split takes at most 2 arguments, but 3 are given; check the conversation and the template's variables"
        ),
        (
            "{{ strftime_now('%Q') }}",
            "test: line 1: the time format '%Q' is not supported; use a template that does without"
        ),
        (
            "{% if s %}\nx",
            "test: line 2: the template ends where {% endif %} should be; the template must be Jinja: check it, or get it again"
        ),
        ("{{ s", "test: line 1: a tag does not end; the template must be Jinja: check it, or get it again"),
        (
            "\n{# s",
            "test: line 2: a comment does not end; the template must be Jinja: check it, or get it again"
        ),
        (
            "{{ 's }}",
            "test: line 1: a string does not end; the template must be Jinja: check it, or get it again"
        ),
        (
            "{{ 1 2 }}",
            "test: line 1: a number where '}}' should be; the template must be Jinja: check it, or get it again"
        ),
        (
            "{% frob %}",
            "test: line 1: the unknown tag 'frob'; the template must be Jinja: check it, or get it again"
        ),
        (
            "{{ s ? 1 }}",
            "test: line 1: the character '?' where an expression should go on; the template must be Jinja: check it, or get it again"
        ),
        (
            "{{ 99999999999999999999 }}",
            "test: line 1: a number is too large; the template must be Jinja: check it, or get it again"
        ),
        (
            "{% generation %}{% generation %}",
            "test: line 1: a generation block inside another is not supported; use a template that does without"
        ),
    ])
    func saysWhatIsWrong(_ source: String, _ expected: String) {
        let error = #expect(throws: ChatTemplateError.self) { try TemplateCases.rendered(source, Self.data) }
        #expect(error?.description == expected)
    }

    @Test func needsATime() throws {
        let template = try ChatTemplate("{{ strftime_now('%Y') }}", name: "test")
        let error = #expect(throws: ChatTemplateError.self) {
            try template.render(ChatTemplateInput(messages: []))
        }
        #expect(error?.problem == "the template asks for the time, and none is given")
    }

    @Test func needsObjectsAsMessages() throws {
        let template = try ChatTemplate("x", name: "test")
        let error = #expect(throws: ChatTemplateError.self) {
            try template.render(ChatTemplateInput(messages: [.object([:]), .string("hi")]))
        }
        #expect(error?.problem == "message 2 is no object")
    }

    @Test func keepsItsOwnVariables() throws {
        let template = try ChatTemplate("x", name: "test")
        let error = #expect(throws: ChatTemplateError.self) {
            try template.render(ChatTemplateInput(messages: [], variables: ["messages": .null]))
        }
        #expect(error?.problem == "the variable 'messages' is given apart from further ones")
    }
}
