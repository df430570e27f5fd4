import Messages

/// Why a chat template cannot be read or rendered, in one line: template, line, problem, advice.
package struct ChatTemplateError: Error, CustomStringConvertible, Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        /// The source is no Jinja.
        case syntax
        /// Jinja2 knows it, this implementation does not.
        case unsupported
        /// Jinja2 would fail here too: an undefined value, wrong types, wrong arguments.
        case evaluation
        /// The template itself refused the conversation by `raise_exception`.
        case raised
        /// A limit of `ChatTemplateLimits`.
        case limit
    }

    package let kind: Kind
    /// What the template is called.
    package let template: String
    /// The line of the template, counted from 1.
    package let line: Int
    /// What is wrong; what is not supported; of a `raised` error the template's own message.
    package let problem: String

    /// `template: line 3: what is wrong; what to try`
    package var description: String {
        let start = "\(oneLine(template)): line \(line)"
        return switch kind {
        case .syntax: "\(start): \(oneLine(problem)); the template must be Jinja: check it, or get it again"
        case .unsupported: "\(start): \(oneLine(problem)) is not supported; use a template that does without"
        case .evaluation: "\(start): \(oneLine(problem)); check the conversation and the template's variables"
        case .raised:
            "\(start): the template refuses the conversation: \(oneLine(problem)); change the conversation"
        case .limit: "\(start): \(oneLine(problem)); shorten the conversation, or use another template"
        }
    }
}

/// A `ChatTemplateError` before its place is known.
struct Fault: Error {
    let kind: ChatTemplateError.Kind
    let problem: String

    static func evaluation(_ problem: String) -> Fault { Fault(kind: .evaluation, problem: problem) }
    static func unsupported(_ problem: String) -> Fault { Fault(kind: .unsupported, problem: problem) }
    static func limit(_ problem: String) -> Fault { Fault(kind: .limit, problem: problem) }
    static let largeInteger = Fault.unsupported("arithmetic with integers beyond 64 bits")
    static func syntax(_ problem: String) -> Fault { Fault(kind: .syntax, problem: problem) }
}
