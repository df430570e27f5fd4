import ArgumentParser
import Foundation
import Messages
import RunConfiguration

/// Options as people type them who know other programs: `--lr`, `--learning_rate`.
enum OtherWords {
    /// `arguments` with the program's own names where the meaning is plain, each said on standard error. An option that
    /// means something else here ends the program with advice.
    static func understood(_ arguments: [String]) -> [String] {
        var arguments = arguments
        for _ in arguments {
            guard let option = unknownOption(arguments) else { return arguments }
            let name = String(option.drop { $0 == "-" })
            if let hint = SettingSynonyms.hint(name) {
                Terminal.error("error: \(option): unknown option; \(hint)")
                exit(ExitStatus.usage)
            }
            let meant = SettingSynonyms.settings(for: name).first {
                unknownOption(replacing(option, by: "--\($0)", in: arguments)) != "--\($0)"
            }
            guard let meant else { return arguments }
            Terminal.error("note: \(option) is taken for --\(meant)")
            arguments = replacing(option, by: "--\(meant)", in: arguments)
        }
        return arguments
    }

    /// The first option that the command does not have.
    private static func unknownOption(_ arguments: [String]) -> String? {
        do {
            _ = try AdaloraCommand.parseAsRoot(arguments)
            return nil
        } catch {
            let option = AdaloraCommand.message(for: error).firstMatch(
                of: /Unknown option '(--?[A-Za-z_-]+)'/)
            return option.map { String($0.output.1) }
        }
    }

    private static func replacing(_ option: String, by name: String, in arguments: [String]) -> [String] {
        guard let at = arguments.firstIndex(where: { $0 == option || $0.hasPrefix("\(option)=") }) else {
            return arguments
        }
        var arguments = arguments
        arguments[at] = name + arguments[at].dropFirst(option.count)
        return arguments
    }
}
