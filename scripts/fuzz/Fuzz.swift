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

/// Called by libFuzzer before the first input: tables that are made once would count as an input's time.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(_ count: UnsafeMutableRawPointer?, _ arguments: UnsafeMutableRawPointer?) -> Int32 {
    let reader = target == .tokenizer ? FuzzTarget.text : target
    for kind in UInt8(0)..<7 {
        _ = try? reader.check([kind] + "\u{FB01}e\u{301}\u{1112}".utf8, in: scratch)
    }
    return 0
}

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
