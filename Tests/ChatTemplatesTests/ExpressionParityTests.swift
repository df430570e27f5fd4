import ChatTemplates
import GoldenFiles
import ModelFiles
import Testing

/// Each filter, test, operator and statement on many values, as Jinja2 renders them.
struct ExpressionParityTests {
    /// What Jinja2 renders and this implementation refuses, with how many of the cases ask for it.
    private static let refusals = [
        "a Namespace as text, which Python writes with its address": 16,
        "a method as text, which Python writes with its address": 1,
        "formatting a text with '%'": 12,
        "arithmetic with integers beyond 64 bits": 5,
        "this power of a float": 1,
    ]

    @Test func rendersAsJinja2Does() throws {
        let golden = try TemplateCases.golden("expressions")
        let variables = try #require(golden["variables"]?.object)
        let cases = try #require(golden["cases"]?.array)
        var (same, failed) = (0, 0)
        var refused: [String: Int] = [:]
        for expected in cases {
            let source = try #require(expected["source"]?.string)
            let name = source.debugDescription
            do {
                let text = try TemplateCases.rendered(source, variables).text
                guard let wanted = expected["text"]?.string else {
                    let error = expected["error"]?.string ?? ""
                    Issue.record("\(name) gives \(text.debugDescription), not \(error)")
                    continue
                }
                same += 1
                #expect(
                    text.utf8.elementsEqual(wanted.utf8),
                    "\(name) gives \(text.debugDescription), not \(wanted.debugDescription)")
            } catch let error as ChatTemplateError {
                if let wanted = expected["text"]?.string {
                    #expect(error.kind == .unsupported, "\(name): \(error), not \(wanted.debugDescription)")
                    refused[error.problem, default: 0] += 1
                } else {
                    failed += 1
                    check(error, of: name, against: expected["error"]?.string ?? "")
                }
            }
        }
        #expect(refused == Self.refusals)
        #expect(same > 3_500)
        #expect(failed > 2_500)
    }

    private func check(_ error: ChatTemplateError, of name: String, against expected: String) {
        // What Jinja2 passes on to Python's compiler counts too.
        if expected.hasPrefix("TemplateSyntaxError: ") || expected.hasPrefix("SyntaxError: ") {
            #expect(error.kind == .syntax || error.kind == .unsupported, "\(name): \(error) for \(expected)")
        } else if expected.hasPrefix("TemplateError: ") {
            #expect(error.kind == .raised, "\(name): \(error) for \(expected)")
            #expect("TemplateError: " + error.problem == expected)
        } else {
            #expect(error.kind != .syntax && error.kind != .raised, "\(name): \(error) for \(expected)")
        }
    }
}
