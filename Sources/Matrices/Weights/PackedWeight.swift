import COneDNN
import Synchronization

/// A matrix that stays as it is, laid out once the way oneDNN's kernels read it.
///
/// `sgemm` lays its operands out anew at every call, which for a few hundred rows is a sixth of its time; a frozen
/// weight needs that once. `Product.multiply` is the reference.
///
/// Unchecked Sendable: written only while it is made; oneDNN's objects may be used by several threads at a time as
/// long as each brings its own scratchpad.
package final class PackedWeight: @unchecked Sendable {
    /// Of the matrix as a right factor, `[K, N]`
    package let rows: Int
    package let columns: Int
    private let layout: dnnl_memory_desc_t
    private let storage: UnsafeMutableRawPointer
    /// Where `storage` lies; nil for memory of its own
    private let space: Matrix?
    private let memory: dnnl_memory_t

    /// Rows of the left factor that go through at a time. More gain nothing, and each number of rows needs a kernel
    /// of its own, of which there are no more than this for each shape of weights.
    package static let block = 64

    /// Bytes of a compiled kernel, about.
    package static let kernelBytes = 75_000

    /// Floats that such a layout takes: columns come in blocks of 64.
    package static func elements(rows: Int, columns: Int) -> Int { rows * ((columns + 63) / 64 * 64) }

    /// Whether oneDNN has such kernels for this machine.
    package static let isSupported =
        OneDNN.shared?.layout(rows: block, columns: block) != nil

    /// Whether oneDNN has a kernel for this machine that reads such a matrix packed (it has for AVX-512).
    static func isMade(of weight: Matrix, transposed: Bool) -> Bool {
        let (rows, columns) = shape(of: weight, transposed)
        return isSupported && rows > 0 && columns > 0
            && OneDNN.shared?.layout(rows: rows, columns: columns) != nil
    }

    private static func shape(of weight: Matrix, _ transposed: Bool) -> (rows: Int, columns: Int) {
        transposed ? (weight.columns, weight.rows) : (weight.rows, weight.columns)
    }

    /// Floats to a line of the cache, where layouts begin
    private static let line = 16

    /// For the copy of one product; nil where there is none.
    static func space(for weight: Matrix, transposed: Bool, _ pool: BufferPool) -> Matrix? {
        let (rows, columns) = shape(of: weight, transposed)
        guard var layout = OneDNN.shared?.layout(rows: rows, columns: columns) else { return nil }
        let floats = dnnl_memory_desc_get_size(&layout) / MemoryLayout<Float>.size
        return pool.matrix(rows: 1, columns: floats + line)
    }

    /// - Parameters:
    ///   - transposed: whether products are with weightᵀ.
    ///   - space: what `space` gives; nil for memory of its own.
    /// - Returns: nil where `isMade` is false.
    package init?(_ weight: Matrix, transposed: Bool, in space: Matrix? = nil) {
        (rows, columns) = Self.shape(of: weight, transposed)
        guard rows > 0, columns > 0, let runtime = OneDNN.shared,
            let layout = runtime.layout(rows: rows, columns: columns),
            let plain = runtime.describe(rows, columns, transposed ? dnnl_ba : dnnl_ab)
        else { return nil }
        var target = layout
        if let space {
            let base = UnsafeMutableRawPointer(space.pointer)
            storage = base.alignedUp(toMultipleOf: Self.line * MemoryLayout<Float>.size)
        } else {
            storage = .allocate(byteCount: dnnl_memory_desc_get_size(&target), alignment: 64)
        }
        self.space = space
        guard let memory = runtime.memory(layout, storage),
            let source = runtime.memory(plain, UnsafeMutableRawPointer(weight.pointer))
        else {
            if space == nil { storage.deallocate() }
            return nil
        }
        defer { dnnl_memory_destroy(source) }
        self.layout = layout
        self.memory = memory
        let shape = OneDNN.Layout(rows: rows, columns: columns, isTransposed: transposed)
        guard runtime.reorder(source, plain, into: memory, layout, shape) else { return nil }
    }

    deinit {
        dnnl_memory_destroy(memory)
        if space == nil { storage.deallocate() }
    }

    /// out[M, N] += x[M, K] · self[K, N]
    package func add(_ x: Matrix, into out: Matrix) {
        precondition(
            x.columns == rows && out.columns == columns && x.rows == out.rows,
            "[\(x.rows), \(x.columns)] · [\(rows), \(columns)] into [\(out.rows), \(out.columns)]")
        guard let runtime = OneDNN.shared else { preconditionFailure("a packed weight without oneDNN") }
        var start = 0
        while start < x.rows {
            let count = min(Self.block, x.rows - start)
            runtime.kernel(m: count, k: rows, n: columns, weight: layout).run(
                x.row(start), memory, out.row(start))
            start += count
        }
    }
}

/// oneDNN's engine and the kernels made so far.
///
/// Unchecked Sendable: engine and stream hold no state that products change.
private final class OneDNN: @unchecked Sendable {
    static let shared = OneDNN()

    fileprivate let engine: dnnl_engine_t
    private let stream: dnnl_stream_t
    private struct Shape: Hashable {
        let m, k, n: Int
    }
    private let kernels = Mutex<[Shape: ProductKernel]>([:])
    /// A matrix that is laid out
    struct Layout: Hashable {
        let rows, columns: Int
        let isTransposed: Bool
    }
    private let copies = Mutex<[Layout: CopyKernel]>([:])

    private init?() {
        var engine: dnnl_engine_t?
        var stream: dnnl_stream_t?
        guard dnnl_engine_create(&engine, dnnl_cpu, 0) == dnnl_success, let engine,
            dnnl_stream_create(&stream, engine, UInt32(dnnl_stream_default_flags.rawValue)) == dnnl_success,
            let stream
        else { return nil }
        self.engine = engine
        self.stream = stream
        // Kernels are kept here; oneDNN need not keep them a second time.
        dnnl_set_primitive_cache_capacity(0)
    }

    func describe(_ rows: Int, _ columns: Int, _ tag: dnnl_format_tag_t) -> dnnl_memory_desc_t? {
        var description = dnnl_memory_desc_t()
        let dimensions = [Int64(rows), Int64(columns)]
        let status = dnnl_memory_desc_init_by_tag(&description, 2, dimensions, dnnl_f32, tag)
        return status == dnnl_success ? description : nil
    }

    func memory(_ description: dnnl_memory_desc_t, _ bytes: UnsafeMutableRawPointer) -> dnnl_memory_t? {
        var memory: dnnl_memory_t?
        var description = description
        return dnnl_memory_create(&memory, &description, engine, bytes) == dnnl_success ? memory : nil
    }

    /// The layout that the kernels for `rows` × `columns` read; nil where they would not be compiled for this machine.
    func layout(rows: Int, columns: Int) -> dnnl_memory_desc_t? {
        // What follows would start a team of threads, which then spin beside this one.
        omp_set_num_threads(1)
        let shape = Shape(m: PackedWeight.block, k: rows, n: columns)
        if let known = kernels.withLock({ $0[shape] }) { return known.isCompiled ? known.weight : nil }
        guard let anyLayout = describe(rows, columns, dnnl_format_tag_any),
            let kernel = ProductKernel(
                self, m: PackedWeight.block, k: rows, n: columns, weight: anyLayout)
        else { return nil }
        // The one that most products of this shape take; one that is not compiled says so the next time.
        let kept = kernels.withLock { kernels in
            let kept = kernels[shape] ?? kernel
            kernels[shape] = kept
            return kept
        }
        return kept.isCompiled ? kept.weight : nil
    }

    func kernel(m: Int, k: Int, n: Int, weight: dnnl_memory_desc_t) -> ProductKernel {
        kernels.withLock { kernels in
            let shape = Shape(m: m, k: k, n: n)
            if let kernel = kernels[shape] { return kernel }
            // Where a few rows have no compiled kernel for the layout, oneDNN's plain loops read it.
            guard let kernel = ProductKernel(self, m: m, k: k, n: n, weight: weight) else {
                preconditionFailure(
                    "oneDNN reads packed weights for \(PackedWeight.block) rows but not for \(m)")
            }
            kernels[shape] = kernel
            return kernel
        }
    }

    func reorder(
        _ source: dnnl_memory_t, _ from: dnnl_memory_desc_t, into target: dnnl_memory_t,
        _ to: dnnl_memory_desc_t, _ shape: Layout
    ) -> Bool {
        let kernel: CopyKernel? = copies.withLock { copies in
            if let kernel = copies[shape] { return kernel }
            let kernel = CopyKernel(engine, from, to)
            copies[shape] = kernel
            return kernel
        }
        let arguments = [
            dnnl_exec_arg_t(arg: DNNL_ARG_SRC, memory: source),
            dnnl_exec_arg_t(arg: DNNL_ARG_DST, memory: target),
        ]
        return kernel.map { execute($0.primitive, arguments) == dnnl_success } ?? false
    }

    /// On this thread alone: shards already use the others.
    func execute(_ primitive: dnnl_primitive_t?, _ arguments: [dnnl_exec_arg_t]) -> dnnl_status_t {
        omp_set_num_threads(1)
        return dnnl_primitive_execute(primitive, stream, Int32(arguments.count), arguments)
    }
}

/// Lays matrices of one shape out.
///
/// Unchecked Sendable: not written to after it is made.
private final class CopyKernel: @unchecked Sendable {
    let primitive: dnnl_primitive_t

    init?(_ engine: dnnl_engine_t, _ from: dnnl_memory_desc_t, _ to: dnnl_memory_desc_t) {
        var description: dnnl_primitive_desc_t?
        var attributes: dnnl_primitive_attr_t?
        var primitive: dnnl_primitive_t?
        var (from, to) = (from, to)
        defer {
            if let attributes { dnnl_primitive_attr_destroy(attributes) }
            if let description { dnnl_primitive_desc_destroy(description) }
        }
        // oneDNN's own scratchpads are for the thread that made the primitive; copies of this kind need none.
        guard dnnl_primitive_attr_create(&attributes) == dnnl_success,
            dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user) == dnnl_success,
            dnnl_reorder_primitive_desc_create(&description, &from, engine, &to, engine, attributes)
                == dnnl_success,
            let scratch = dnnl_primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0),
            dnnl_memory_desc_get_size(scratch) == 0,
            dnnl_primitive_create(&primitive, description) == dnnl_success, let primitive
        else { return nil }
        self.primitive = primitive
    }

    deinit { dnnl_primitive_destroy(primitive) }
}

/// out[M, N] += x[M, K] · weight[K, N] for one M, K and N.
///
/// Unchecked Sendable: not written to after it is made.
private final class ProductKernel: @unchecked Sendable {
    let weight: dnnl_memory_desc_t
    /// Whether oneDNN found its batch-reduce kernels ("brg:avx512_core"); its others pack at every call, or are plain
    /// loops.
    let isCompiled: Bool
    private let runtime: OneDNN
    private let primitive: dnnl_primitive_t
    private let x: dnnl_memory_desc_t
    private let out: dnnl_memory_desc_t
    private let scratch: dnnl_memory_desc_t
    private let scratchBytes: Int

    init?(_ runtime: OneDNN, m: Int, k: Int, n: Int, weight: dnnl_memory_desc_t) {
        guard var x = runtime.describe(m, k, dnnl_ab), var out = runtime.describe(m, n, dnnl_ab) else {
            return nil
        }
        var weight = weight
        var operation = dnnl_matmul_desc_t()
        var attributes: dnnl_primitive_attr_t?
        var additions: dnnl_post_ops_t?
        var description: dnnl_primitive_desc_t?
        defer {
            if let attributes { dnnl_primitive_attr_destroy(attributes) }
            if let additions { dnnl_post_ops_destroy(additions) }
            if let description { dnnl_primitive_desc_destroy(description) }
        }
        guard dnnl_matmul_desc_init(&operation, &x, &weight, nil, &out) == dnnl_success,
            dnnl_primitive_attr_create(&attributes) == dnnl_success,
            dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user) == dnnl_success,
            dnnl_post_ops_create(&additions) == dnnl_success,
            dnnl_post_ops_append_sum(additions, 1) == dnnl_success,
            dnnl_primitive_attr_set_post_ops(attributes, additions) == dnnl_success,
            dnnl_primitive_desc_create(&description, &operation, attributes, runtime.engine, nil)
                == dnnl_success,
            let packed = dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0),
            let scratch = dnnl_primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0)
        else { return nil }
        var primitive: dnnl_primitive_t?
        guard dnnl_primitive_create(&primitive, description) == dnnl_success, let primitive else {
            return nil
        }
        self.runtime = runtime
        self.primitive = primitive
        isCompiled = Self.implementation(of: description).hasPrefix("brg")
        self.weight = packed.pointee
        self.x = x
        self.out = out
        self.scratch = scratch.pointee
        scratchBytes = dnnl_memory_desc_get_size(scratch)
    }

    deinit { dnnl_primitive_destroy(primitive) }

    private static func implementation(of description: dnnl_primitive_desc_t?) -> String {
        var name: UnsafePointer<CChar>?
        let status = dnnl_primitive_desc_query(description, dnnl_query_impl_info_str, 0, &name)
        return status == dnnl_success ? name.map { String(cString: $0) } ?? "" : ""
    }

    func run(
        _ source: UnsafeMutablePointer<Float>, _ weight: dnnl_memory_t, _ target: UnsafeMutablePointer<Float>
    ) {
        withUnsafeTemporaryAllocation(byteCount: max(scratchBytes, 1), alignment: 64) { scratchpad in
            guard let base = scratchpad.baseAddress,
                let x = runtime.memory(x, UnsafeMutableRawPointer(source)),
                let out = runtime.memory(out, UnsafeMutableRawPointer(target)),
                let scratch = runtime.memory(scratch, base)
            else { preconditionFailure("oneDNN takes no memory") }
            let arguments = [
                dnnl_exec_arg_t(arg: DNNL_ARG_SRC, memory: x),
                dnnl_exec_arg_t(arg: DNNL_ARG_WEIGHTS, memory: weight),
                dnnl_exec_arg_t(arg: DNNL_ARG_DST, memory: out),
                dnnl_exec_arg_t(arg: DNNL_ARG_SCRATCHPAD, memory: scratch),
            ]
            let status = runtime.execute(primitive, arguments)
            precondition(status == dnnl_success, "oneDNN's product failed with status \(status.rawValue)")
            for memory in [x, out, scratch] { dnnl_memory_destroy(memory) }
        }
    }
}
