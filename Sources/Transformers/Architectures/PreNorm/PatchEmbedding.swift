import Autodiff
import Images
import Matrices

/// Images to rows: a product for each patch, rows that stand before them, and positions.
struct PatchEmbedding: Sendable {
    private let input: ImageInput
    private let grid: ImageSize
    private let registers: Int
    private let resampling: PositionGrid.Kernel
    /// [C, channels · patch height · patch width] and its bias
    private let projection: Weight
    private let projectionBias: Weight?
    /// [1, C] each
    private let classRow: Weight?
    private let distillationRow: Weight?
    /// [R, C]
    private let registerRows: Weight?
    /// [S + P, C]: of the rows with positions before the patches, then of the patches that they were learned for
    private let positions: Weight

    init(_ weights: BackboneWeights, _ c: PatchConfiguration, _ traits: PatchTraits) throws {
        let (names, width) = (traits.names, c.shape.width)
        (input, grid, registers) = (c.input, c.grid, c.registers)
        resampling = traits.antialiases ? .antialiased : .plain
        projection = try weights.shaped(
            names.projection + ".weight", width, c.input.patchValues,
            shape: [width, c.input.channels, c.input.patch.height, c.input.patch.width])
        projectionBias =
            traits.hasPatchBias ? try weights.vector(names.projection + ".bias", width) : nil
        func row(_ name: String) throws -> Weight {
            try weights.shaped(name, 1, width, shape: traits.isFlat ? [width] : [1, 1, width])
        }
        classRow = traits.hasClassRow ? try row(names.classRow) : nil
        distillationRow = traits.hasDistillation ? try row(names.distillationRow) : nil
        registerRows =
            c.registers > 0
            ? try weights.shaped(names.registerRows, c.registers, width, shape: [1, c.registers, width])
            : nil
        let places = c.input.leading - c.registers
        let rows = places + c.grid.height * c.grid.width
        positions = try weights.shaped(
            names.positions, rows, width, shape: traits.isFlat ? [rows, width] : [1, rows, width])
        if traits.keepsMask, weights.cursor.contains(names.maskRow) {
            _ = try weights.shaped(names.maskRow, 1, width, shape: [1, width])
        }
    }

    /// [T, C]
    func callAsFunction(_ batch: PackedBatch, on tape: Tape) -> Variable {
        guard let images = batch.images?() else { preconditionFailure("tokens for a model of images") }
        let places = input.leading - registers
        let cut = patches(of: images, tape.pool)
        var offsets = [0]
        for image in images {
            let grid = input.grid(height: image.height, width: image.width)
            offsets.append(offsets[offsets.count - 1] + grid.height * grid.width)
        }
        let products = tape.linear(tape.input(cut), weight: projection, bias: projectionBias)
        var rows = tape.add(products, positions(of: images, on: tape))
        if let registerRows {
            rows = prepending(
                [(registerRows, (0..<Int32(registers)).map { $0 })], count: registers, to: rows, &offsets,
                on: tape)
        }
        for place in (0..<places).reversed() {
            let own = place == 0 ? classRow : distillationRow
            guard let own else { preconditionFailure("a place for no row") }
            rows = prepending(
                [(own, [0]), (positions, [Int32(place)])], count: 1, to: rows, &offsets, on: tape)
        }
        return rows
    }

    private func prepending(
        _ tables: [(table: any Operand, indices: [Int32])], count: Int, to rows: Variable,
        _ offsets: inout [Int], on tape: Tape
    ) -> Variable {
        let longer = tape.prepending(tape.embedding(tables), to: rows, offsets: offsets)
        offsets = BackboneHooks.prefixed(offsets, by: count)
        return longer
    }

    /// [P, C] of all patches of the images
    private func positions(of images: [PixelImage], on tape: Tape) -> Variable {
        let first = input.leading - registers
        let grids = images.map { input.grid(height: $0.height, width: $0.width) }
        if grids.allSatisfy({ $0 == grid }) {
            let own = (0..<grid.height * grid.width).map { Int32(first + $0) }
            return tape.embedding([(positions, Array(repeating: own, count: images.count).flatMap { $0 })])
        }
        let learned = tape.embedding([(positions, (0..<Int32(positions.rows)).map { $0 })])
        let sums = grids.flatMap { PositionGrid(grid, for: $0, resampling).sums(first: first) }
        return tape.combined(learned, sums)
    }

    /// [P, channels · height · width of a patch], patch after patch from the top left, in the order of the projection's values
    private func patches(of images: [PixelImage], _ pool: BufferPool) -> Matrix {
        let patch = input.patch
        let grids = images.map { input.grid(height: $0.height, width: $0.width) }
        let all = pool.matrix(
            rows: grids.reduce(0) { $0 + $1.height * $1.width }, columns: input.patchValues)
        var row = 0
        for (image, grid) in zip(images, grids) {
            precondition(image.channels == input.channels, "\(image.channels) channels for \(input.channels)")
            image.values.withUnsafeBufferPointer { values in
                guard let base = values.baseAddress else { return }
                for down in 0..<grid.height {
                    for across in 0..<grid.width {
                        var target = all.row(row)
                        for channel in 0..<image.channels {
                            for line in 0..<patch.height {
                                let y = down * patch.height + line
                                let start = (channel * image.height + y) * image.width + across * patch.width
                                target.update(from: base + start, count: patch.width)
                                target += patch.width
                            }
                        }
                        row += 1
                    }
                }
            }
        }
        return all
    }
}
