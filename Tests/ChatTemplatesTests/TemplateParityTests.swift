import ChatTemplates
import GoldenFiles
import ModelFiles
import Testing

/// Whole templates as transformers renders them.
struct TemplateParityTests {
    @Test func rendersAsTransformersDoes() throws {
        let golden = try TemplateCases.golden("templates")
        let templates = try #require(golden["templates"]?.object)
        let conversations = try #require(golden["conversations"]?.array)
        let texts = try #require(golden["texts"]?.array)
        #expect(templates.count == 73)
        #expect(conversations.count == 34)
        var (same, refused) = (0, 0)
        for (name, source) in templates.members {
            let template = try ChatTemplate(try #require(source.string), name: name)
            let results = try #require(golden["results"]?[name]?.array)
            #expect(results.count == conversations.count)
            for (place, (conversation, result)) in zip(conversations, results).enumerated() {
                let input = TemplateCases.input(conversation)
                guard let text = result["text"]?.int else {
                    refused += 1
                    let error = result["error"]?.string ?? ""
                    let thrown = #expect(throws: ChatTemplateError.self, "\(name) \(place): \(error)") {
                        try template.render(input)
                    }
                    guard let thrown else { continue }
                    let isRaised = error.hasPrefix("TemplateError: ")
                    #expect(
                        thrown.kind == (isRaised ? .raised : .evaluation),
                        "\(name) \(place): \(thrown) for \(error)")
                    if isRaised {
                        let message = error.dropFirst("TemplateError: ".count)
                        #expect(thrown.problem.hasPrefix(message.prefix(150)), "\(name) \(place)")
                    }
                    continue
                }
                do {
                    let rendered = try template.render(input)
                    let expected = try #require(texts[text].string)
                    #expect(
                        rendered.text.utf8.elementsEqual(expected.utf8),
                        "\(name) \(place): \(rendered.text.debugDescription) for \(expected.debugDescription)"
                    )
                    let generations = (result["generations"]?.array ?? []).map { $0.array?.compactMap(\.int) }
                    #expect(
                        rendered.generations.map { [$0.lowerBound, $0.upperBound] } == generations,
                        "\(name) \(place)")
                    same += 1
                } catch {
                    Issue.record("\(name) \(place): \(error)")
                }
            }
        }
        #expect(same + refused == templates.count * conversations.count)
        #expect(same > 2_000)
    }
}
