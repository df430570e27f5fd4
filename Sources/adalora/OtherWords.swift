import ArgumentParser
import Foundation
import Messages
import RunConfiguration

/// Options as people type them who know other programs: `--lr`, `--learning_rate`.
enum OtherWords {
    /// The command that `arguments` ask for, read with the program's own names where the meaning is plain, each said on standard
    /// error. An option that means something else here ends the program with advice.
    ///
    /// - Throws: what ArgumentParser has to say of them.
    static func command(_ arguments: [String]) throws -> any ParsableCommand {
        var arguments = arguments
        for _ in arguments {
            do {
                return try AdaloraCommand.parseAsRoot(arguments)
            } catch {
                guard let option = unknownOption(error) else { throw error }
                let name = String(option.drop { $0 == "-" })
                if let hint = SettingSynonyms.hint(name) {
                    Terminal.error("error: \(option): unknown option; \(hint)")
                    exit(ExitStatus.usage)
                }
                let meant = SettingSynonyms.settings(for: name).first {
                    has("--\($0)", replacing(option, by: "--\($0)", in: arguments))
                }
                guard let meant else { throw error }
                Terminal.error("note: \(option) is taken for --\(meant)")
                arguments = replacing(option, by: "--\(meant)", in: arguments)
            }
        }
        return try AdaloraCommand.parseAsRoot(arguments)
    }

    /// The option that the command does not have, if that is what is wrong.
    private static func unknownOption(_ error: any Error) -> String? {
        let option = AdaloraCommand.message(for: error).firstMatch(
            of: /Unknown option '(--?[A-Za-z_-]+)'/)
        return option.map { String($0.output.1) }
    }

    /// Whether the command has this option of `arguments`.
    private static func has(_ option: String, _ arguments: [String]) -> Bool {
        do {
            _ = try AdaloraCommand.parseAsRoot(arguments)
            return true
        } catch {
            return unknownOption(error) != option
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
