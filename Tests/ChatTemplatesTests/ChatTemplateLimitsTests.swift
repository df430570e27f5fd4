import ChatTemplates
import Foundation
import ModelFiles
import Testing

/// Templates that would never end, fill the memory or the stack.
struct ChatTemplateLimitsTests {
    /// Sources, and what the error says.
    private static let hostile: [(String, String)] = [
        ("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", "rounds"),
        ("{% for i in range(9) if m %}{% endfor %}{{ 'a' * 100000000000 }}", "characters"),
        ("{{ [1] * 1000000 * 1000000 }}", "characters"), ("{{ 'a' * 9223372036854775807 }}", "characters"),
        ("{{ [1, 2] * 9223372036854775807 }}", "characters"), ("{{ 'a'.center(10 ** 15) }}", "characters"),
        ("{{ 'a'.zfill(10 ** 15) }}", "characters"), ("{{ 'a' | indent(10 ** 15) }}", "characters"),
        ("{{ [1] | tojson(indent=10 ** 15) }}", "characters"), ("{{ range(10 ** 15) }}", "range"),
        ("{{ range(-9223372036854775807, 9223372036854775807) }}", "range"),
        (
            "{% set n = namespace(x='aaaaaaaa') %}{% for i in range(99) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
            "steps"
        ),
        (
            "{% set n = namespace(x='aaaaaaaa') %}{% for i in range(99) %}{% set n.x = n.x + n.x %}{% endfor %}",
            "steps"
        ),
        (
            "{% set n = namespace(x='aa') %}{% for i in range(99) %}{% set n.x = n.x.replace('a', 'aa') %}{% endfor %}",
            "steps"
        ),
        (
            "{% set n = namespace(x='aa') %}{% for i in range(99) %}{% set n.x = n.x.join(n.x) %}{% endfor %}",
            "characters"
        ),
        (
            "{% set n = namespace(x=[1]) %}{% for i in range(99) %}{% set n.x = n.x + n.x %}{% endfor %}",
            "steps"
        ),
        ("{% set n = namespace(x=1) %}{% for i in range(9999) %}{% set n.x = [n.x] %}{% endfor %}", "nested"),
        (
            "{% set n = namespace(x=1) %}{% for i in range(9999) %}{% set n.x = {'a': n.x} %}{% endfor %}",
            "nested"
        ),
        (
            "{% set n = namespace(x=1) %}{% for i in range(9999) %}{% set n.x = [n.x] | map('string') %}{% endfor %}",
            ""
        ),
        (
            "{% set n = namespace(x={}) %}{% for i in range(9999) %}{% set n.x = dict(a=n.x).items %}{% endfor %}",
            "nested"
        ),
        (
            "{% set n = namespace(x=1) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x == n.x }}",
            "steps"
        ),
        (
            "{% set n = namespace(x=1) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}",
            "characters"
        ),
        (
            "{% set n = namespace(x=1) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x | tojson }}",
            "characters"
        ),
        (
            "{% set n = namespace(x=()) %}{% for i in range(60) %}{% set n.x = (n.x, n.x) %}{% endfor %}{{ {n.x: 1} }}",
            "steps"
        ),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "nested"),
        ("{% macro a(f) %}{{ f(f) }}{% endmacro %}{{ a(a) }}", "nested"),
        (
            "{% macro m(x) %}{{ [[x], m([x])] | map('default', m(x)) | list }}{% endmacro %}{{ m(1) }}",
            "nested"
        ),
        (
            "{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{{ caller }}{% endmacro %}{% call m() %}{% endcall %}",
            "nested"
        ),
        (
            "{% set t = 'ab' * 1000000 %}{% for i in range(99999) %}{{ 'x' if t == t ~ '' }}{% endfor %}",
            "steps"
        ),
        ("{% set t = 'ab' * 1000000 %}{% for i in range(99999) %}{{ t in t }}{% endfor %}", "steps"),
        (
            "{% set t = 'ab' * 1000000 %}{% set o = {t: 1} %}{% for i in range(99999) %}{{ o[t] }}{% endfor %}",
            "steps"
        ),
    ]

    @Test(arguments: hostile)
    func ends(_ source: String, _ problem: String) {
        let clock = ContinuousClock()
        let start = clock.now
        // Fewer steps than usual, so that the tests take less time.
        let limits = ChatTemplateLimits(operations: 4_000_000)
        let error = #expect(throws: ChatTemplateError.self) {
            try ChatTemplate(source, name: "test", limits: limits).render(ChatTemplateInput(messages: []))
        }
        if !problem.isEmpty {
            #expect(error?.kind == .limit)
            #expect(error?.problem.contains(problem) == true, "\(error?.description ?? "")")
        }
        // So many steps take about a second; this only tells them from a hang on a busy machine.
        #expect(clock.now - start < .seconds(60))
    }

    /// Each nests without end; the first part opens, the last one closes.
    @Test(arguments: [
        ("(", "1", ")"), ("[", "1", "]"), ("{1: ", "1", "}"), ("-", "1", ""), ("+", "1", ""),
        ("not ", "1", ""),
        ("1 + ", "1", ""), ("1 ** ", "1", ""), ("1 and ", "1", ""), ("1 or ", "1", ""), ("", "x", ".x"),
        ("", "x", "[0]"), ("", "x", "()"), ("", "x", " | d"), ("", "1", " if 1 else 1"), ("f(", "1", ")"),
        ("x[", "1", "]"), ("1 if 1 else ", "1", ""), ("x is eq ", "1", ""), ("x is eq (", "1", ")"),
        ("x | d(", "1", ")"),
        ("", "1", " if 1"), ("x[:", "1", "]"), ("(1, ", "1", ")"),
    ])
    func refusesDeepExpressions(_ open: String, _ inner: String, _ close: String) {
        let count = 20_000
        let source =
            "{{ \(String(repeating: open, count: count))\(inner)\(String(repeating: close, count: count)) }}"
        let error = #expect(throws: ChatTemplateError.self) { try ChatTemplate(source, name: "test") }
        #expect(error?.kind == .limit || open == "x is eq ", "\(error?.description ?? "")")
    }

    @Test(arguments: [
        ("{% if 1 %}", "{% endif %}"), ("{% for x in y %}", "{% endfor %}"), ("{% set x %}", "{% endset %}"),
        ("{% macro m() %}", "{% endmacro %}"), ("{% filter d %}", "{% endfilter %}"),
        ("{% with x = 1 %}", "{% endwith %}"), ("{% call m() %}", "{% endcall %}"),
    ])
    func refusesDeepBlocks(_ open: String, _ close: String) {
        let source = String(repeating: open, count: 20_000) + String(repeating: close, count: 20_000)
        let error = #expect(throws: ChatTemplateError.self) { try ChatTemplate(source, name: "test") }
        #expect(error?.kind == .limit)
    }

    @Test func refusesDeepTargets() {
        let source =
            "{% set \(String(repeating: "(", count: 20_000))x\(String(repeating: ")", count: 20_000)) = 1 %}"
        let error = #expect(throws: ChatTemplateError.self) { try ChatTemplate(source, name: "test") }
        #expect(error?.kind == .limit)
    }

    @Test func refusesLongSources() {
        let error = #expect(throws: ChatTemplateError.self) {
            try ChatTemplate(String(repeating: "x", count: 2 << 20), name: "test")
        }
        #expect(error?.description.contains("the template has 2097152 bytes, the limit is 1048576") == true)
    }

    @Test func limitsAreTheCallers() throws {
        let source = "{% for i in range(5) %}é{% endfor %}"
        let limits: [(WritableKeyPath<ChatTemplateLimits, Int> & Sendable, Int)] = [
            (\.operations, 10), (\.iterations, 4), (\.characters, 4), (\.outputBytes, 9), (\.depth, 1),
            (\.sourceBytes, 20),
            (\.sourceDepth, 1),
        ]
        for (limit, value) in limits {
            var narrow = ChatTemplateLimits()
            narrow[keyPath: limit] = value
            let error = #expect(throws: ChatTemplateError.self, "\(limit)") {
                try ChatTemplate(source, name: "test", limits: narrow).render(ChatTemplateInput(messages: []))
            }
            #expect(error?.kind == .limit)
        }
        #expect(try TemplateCases.rendered(source).text == "ééééé")
    }

    /// The deepest evaluation that the limits allow fits the stack of a thread of 1 MiB.
    @Test func deepEvaluationsFitSmallStacks() async throws {
        let problem = await withCheckedContinuation { continuation in
            let thread = Thread {
                var problems: [String] = []
                let deep = String(repeating: "(", count: 9_999) + String(repeating: ")", count: 9_999)
                if (try? ChatTemplate("{{ \(deep) }}", name: "test")) != nil { problems.append("deep") }
                for (source, _) in Self.hostile
                where source.contains("macro") || source.contains("range(9999)") {
                    do {
                        _ = try TemplateCases.rendered(source)
                        problems.append("\(source) ends")
                    } catch let error as ChatTemplateError
                        where error.kind == .limit || error.kind == .unsupported
                    {
                    } catch {
                        problems.append("\(source): \(error)")
                    }
                }
                continuation.resume(returning: problems)
            }
            thread.stackSize = 1 << 20
            thread.start()
        }
        #expect(problem == [])
    }
}
