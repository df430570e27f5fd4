/// A chat template: the part of Jinja2 that templates of models use, with the settings and functions of transformers
/// (`apply_chat_template`: sandboxed, blocks trimmed, no escaping for HTML).
///
/// Each character of the rendered text knows whether it comes from the template or from the conversation.
package struct ChatTemplate: Sendable {
    package let name: String
    private let frame: Frame
    private let limits: ChatTemplateLimits

    /// - Parameter name: what messages call the template: a file, or a key in one.
    /// - Throws: `ChatTemplateError` for what is no Jinja, for statements that are not supported, and for too long or too deep a source.
    package init(_ source: String, name: String, limits: ChatTemplateLimits = ChatTemplateLimits()) throws {
        self.name = name
        self.limits = limits
        func failure(_ fault: Fault, _ line: Int) -> ChatTemplateError {
            ChatTemplateError(kind: fault.kind, template: name, line: line, problem: fault.problem)
        }
        guard source.utf8.count <= limits.sourceBytes else {
            throw failure(
                .limit("the template has \(source.utf8.count) bytes, the limit is \(limits.sourceBytes)"), 1)
        }
        do {
            frame = try Parser.frame(source, depthLimit: limits.sourceDepth)
        } catch let error as Parser.Failure {
            throw failure(error.fault, error.line)
        } catch let error as Lexer.Failure {
            throw failure(.syntax(error.problem), error.line)
        }
    }

    /// - Throws: `ChatTemplateError`, also where the template refuses the conversation.
    package func render(_ input: ChatTemplateInput) throws -> RenderedChat {
        let evaluator = Evaluator(limits: limits, clock: input.now)
        do {
            let text = try evaluator.render(frame, variables: try input.values(evaluator.meter))
            let rendered = text.string
            guard rendered.utf8.count <= limits.outputBytes else {
                throw Fault.limit("the text has more than \(limits.outputBytes) bytes")
            }
            return RenderedChat(
                text: rendered, data: text.byteRanges(text.data),
                generations: text.byteRanges(evaluator.generations))
        } catch let fault as Fault {
            throw ChatTemplateError(
                kind: fault.kind, template: name, line: evaluator.line, problem: fault.problem)
        }
    }
}
