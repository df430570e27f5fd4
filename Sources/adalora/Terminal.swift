import Foundation
import Messages
import Reports

/// Where text goes and what it may look like there.
enum Terminal {
    static func output(_ text: String) { write(text + "\n", to: .standardOutput) }
    static func error(_ text: String) { write(text + "\n", to: .standardError) }

    /// As it is, without a line end of its own.
    static func output(data: Data) { write(data, to: .standardOutput) }

    static func write(_ text: String, to handle: FileHandle) { write(Data(text.utf8), to: handle) }

    private static func write(_ data: Data, to handle: FileHandle) {
        do {
            // A reader that went away (`| head`) ends the program by SIGPIPE, as it should.
            try handle.write(contentsOf: data)
        } catch  where handle === FileHandle.standardOutput {
            Self.error("error: standard output cannot be written; is the disk full?")
            exit(ExitStatus.inputOutput)
        } catch {
            // Progress and warnings that nobody can see must not end a training run.
        }
    }

    static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) != 0 }

    static var width: Int { width(of: STDOUT_FILENO) }

    /// Columns of the terminal that `descriptor` writes to, 80 where there is none.
    static func width(of descriptor: Int32) -> Int {
        var size = winsize()
        if ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 { return Int(size.ws_col) }
        return ProcessInfo.processInfo.environment["COLUMNS"].flatMap { Int($0) } ?? 80
    }

    /// Rows of the terminal, 24 where there is none.
    static var height: Int {
        var size = winsize()
        if ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_row > 0 { return Int(size.ws_row) }
        return ProcessInfo.processInfo.environment["LINES"].flatMap { Int($0) } ?? 24
    }

    /// Colour on a terminal only, and not where NO_COLOR is set (no-color.org).
    static var style: Style {
        let environment = ProcessInfo.processInfo.environment
        let plain = !(environment["NO_COLOR"] ?? "").isEmpty || environment["TERM"] == "dumb"
        let locale = environment["LC_ALL"] ?? environment["LC_CTYPE"] ?? environment["LANG"] ?? "C.UTF-8"
        return Style(
            width: width, color: isTerminal(STDOUT_FILENO) && !plain,
            unicode: locale.uppercased().contains("UTF"))
    }
}
