import ChatTemplates
import GoldenFiles
import ModelFiles
import Testing

/// Each filter, test, operator and statement on many values, as Jinja2 renders them.
struct ExpressionParityTests {
    @Test func rendersAsJinja2Does() throws {
        let golden = try TemplateCases.golden("expressions")
        let variables = try #require(golden["variables"]?.object)
        let cases = try #require(golden["cases"]?.array)
        var same = 0
        for expected in cases {
            let source = try #require(expected["source"]?.string)
            do {
                let text = try TemplateCases.rendered(source, variables).text
                guard let wanted = expected["text"]?.string else {
                    let error = expected["error"]?.string ?? ""
                    Issue.record("\(source.debugDescription) gives \(text.debugDescription), not \(error)")
                    continue
                }
                same += 1
                #expect(
                    text.utf8.elementsEqual(wanted.utf8),
                    "\(source.debugDescription) gives \(text.debugDescription), not \(wanted.debugDescription)"
                )
            } catch {
                guard let wanted = expected["text"]?.string else { continue }
                Issue.record("\(source.debugDescription): \(error), not \(wanted.debugDescription)")
            }
        }
        #expect(same > 2_000)
    }
}
