import Foundation
import FuzzEntries

/// `FUZZ_TARGET` names what the bytes are taken for.
private let target: FuzzTarget = {
    let name = ProcessInfo.processInfo.environment["FUZZ_TARGET"] ?? ""
    guard let target = FuzzTarget(rawValue: name) else {
        let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
        fatalError("FUZZ_TARGET is '\(name)', not one of \(names)")
    }
    return target
}()

private let scratch: Scratch = {
    do { return try Scratch() } catch { fatalError("no folder to write to: \(error)") }
}()

/// Called by libFuzzer; a trap is a finding.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    do {
        try target.check(Array(UnsafeBufferPointer(start: start, count: count)), in: scratch)
    } catch {
        fatalError("\(error)")
    }
    return 0
}
