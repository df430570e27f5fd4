import Matrices

/// A value on the tape, `[rows, columns]`, and where its gradient goes once something has flowed back to it.
///
/// A copy is the same variable. Its memory goes back when the last copy goes away: what a backward pass needs of an input is
/// its `place`, and its value only where it reads that.
package struct Variable {
    private let matrix: Matrix
    /// What outlives the value
    package let place: GradientPlace

    init(value: Matrix, needsGradient: Bool) {
        matrix = value
        place = GradientPlace(rows: value.rows, columns: value.columns, needsGradient: needsGradient)
    }

    package var rows: Int { matrix.rows }
    package var columns: Int { matrix.columns }
    /// False when nothing below can learn: the backward pass stops there.
    package var needsGradient: Bool { place.needsGradient }

    package var gradient: Matrix? {
        get { place.gradient }
        nonmutating set { place.gradient = newValue }
    }

    package var value: Matrix {
        precondition(
            place.use != .taken,
            "a value [\(rows), \(columns)] is read whose memory an operation was let reuse")
        return matrix
    }

    /// The value, for a backward pass to read: nobody may take its memory.
    @discardableResult
    package func keepValue() -> Matrix {
        let value = value
        place.use = .kept
        return value
    }

    /// The value for a backward pass: kept, unless the operation that made it can make it again for next to nothing.
    package func saved() -> SavedValue {
        place.remake == nil
            ? SavedValue(place: place, kept: keepValue()) : SavedValue(place: place, kept: nil)
    }

    /// The memory of the value, to be written over: traps if a backward pass is to read the value, and whoever reads it
    /// from now on traps.
    package func takeMemory() -> Matrix {
        precondition(
            place.use == .free,
            "the memory of a value [\(rows), \(columns)] is to be reused that "
                + (place.use == .kept
                    ? "a backward pass reads, or is not the tape's" : "another operation reuses"))
        place.use = .taken
        return matrix
    }
}

/// Where the gradient of a variable is summed. Backward steps hold this in place of the variable.
package final class GradientPlace {
    package let rows: Int
    package let columns: Int
    package let needsGradient: Bool
    package var gradient: Matrix?
    fileprivate(set) var use = Use.free
    /// Makes the value again from what its operation's backward step reads; it runs before that step, once at most.
    var remake: (() -> Matrix)?
    private var remade: Matrix?

    /// The value once more, for all that read it until the operation's own step has run.
    func valueAgain() -> Matrix {
        if let remade { return remade }
        guard let remake else {
            preconditionFailure("a value [\(rows), \(columns)] that nobody can make again")
        }
        let value = remake()
        remade = value
        return value
    }

    /// Nobody reads the value any more, whoever still holds this.
    fileprivate func forgetValue() { (remake, remade) = (nil, nil) }

    enum Use {
        case free
        /// A backward pass will read the value, or its memory is that of somebody else.
        case kept
        /// The memory holds something else by now.
        case taken
    }

    init(rows: Int, columns: Int, needsGradient: Bool) {
        self.rows = rows
        self.columns = columns
        self.needsGradient = needsGradient
    }
}

/// What a backward pass reads of a variable's value.
package struct SavedValue {
    fileprivate let place: GradientPlace
    /// nil where the value is made again.
    fileprivate let kept: Matrix?

    /// Only in a backward step.
    package var value: Matrix { kept ?? place.valueAgain() }
}

/// Records coarse operations, each with a hand-written backward kernel, and runs them backwards.
///
/// One tape serves one shard. Buffers come from the worker's pool and return to it as soon as the last
/// operation that needs them has run backward: popping the closure drops its references.
package final class Tape {
    package let pool: BufferPool
    /// Operations are recorded. Otherwise values only.
    package let isTraining: Bool
    /// Linear layers give each row the bits that its own values make, however many rows stand beside it.
    package let readsByRow: Bool
    /// The flat gradient of the trainable parameters, accumulated into; nil when only values are wanted.
    package let parameterGradients: Matrix?
    /// Outputs that cost next to nothing to make again are not kept.
    let remakes: Bool
    private var dropoutStream: RandomStream?
    private var backwardSteps: [() -> Void] = []

    /// A tape that records. `dropoutStream` is the shard's stream; without one dropout is the identity.
    package convenience init(pool: BufferPool, parameterGradients: Matrix, dropoutStream: RandomStream?) {
        self.init(
            pool: pool, parameterGradients: parameterGradients, dropoutStream: dropoutStream, remakes: true)
    }

    private init(
        pool: BufferPool, parameterGradients: Matrix, dropoutStream: RandomStream?, remakes: Bool
    ) {
        self.pool = pool
        self.remakes = remakes
        self.parameterGradients = parameterGradients
        self.dropoutStream = dropoutStream
        readsByRow = false
        isTraining = true
    }

    /// A tape that only computes values; dropout is the identity unless there is a stream for it.
    package init(
        evaluatingWith pool: BufferPool, dropoutStream: RandomStream? = nil, byRow readsByRow: Bool = false
    ) {
        self.pool = pool
        self.readsByRow = readsByRow
        remakes = false
        parameterGradients = nil
        self.dropoutStream = dropoutStream
        isTraining = false
    }

    /// A value from outside. It receives a gradient only if asked to (tests do).
    package func input(_ value: Matrix, needsGradient: Bool = false) -> Variable {
        let variable = Variable(value: value, needsGradient: needsGradient && isTraining)
        variable.keepValue()
        return variable
    }

    /// Runs all recorded operations backwards and forgets them. Loss operations have seeded the gradients.
    package func backward() {
        while let step = backwardSteps.popLast() { step() }
    }

    package func output(rows: Int, columns: Int, needsGradient: Bool) -> Variable {
        Variable(value: pool.matrix(rows: rows, columns: columns), needsGradient: needsGradient && isTraining)
    }

    /// Records the backward step of an operation; `step` gets the gradient that reached `output`, and is
    /// skipped if none did. Steps hold the tape `unowned`: only the tape runs them, and a tape that is dropped
    /// half-way must give its buffers back.
    package func record(_ output: Variable, _ step: @escaping (Matrix) -> Void) {
        guard isTraining, output.needsGradient else { return }
        let place = output.place
        backwardSteps.append {
            if let gradient = place.gradient {
                step(gradient)
                place.gradient = nil
            }
            place.forgetValue()
        }
    }

    /// Says how the value of an operation's output is made again, of what its backward step reads.
    ///
    /// - Parameter body: writes it to a matrix of the output's shape.
    func remake(_ output: Variable, _ body: @escaping (Matrix) -> Void) {
        guard remakes else { return }
        let (rows, columns) = (output.rows, output.columns)
        output.place.remake = { [pool] in
            let again = pool.matrix(rows: rows, columns: columns)
            body(again)
            return again
        }
    }

    /// Calls `observe` with the gradient of `variable`, once it is complete: call this right after the operation
    /// that made the variable. For probes that look on; the gradient goes on to that operation.
    package func observeGradient(of variable: Variable, _ observe: @escaping (Matrix) -> Void) {
        guard isTraining, variable.needsGradient else { return }
        let place = variable.place
        backwardSteps.append {
            if let gradient = place.gradient { observe(gradient) }
        }
    }

    /// Records the backward step of a loss, which has no gradient of its own.
    package func recordLoss(_ step: @escaping () -> Void) {
        if isTraining { backwardSteps.append(step) }
    }

    package func gradientTarget(of variable: Variable) -> (matrix: Matrix, accumulate: Bool)? {
        gradientTarget(of: variable.place)
    }

    /// The gradient buffer of a variable and whether it already holds something to add to; nil if it needs none.
    package func gradientTarget(of place: GradientPlace) -> (matrix: Matrix, accumulate: Bool)? {
        guard place.needsGradient else { return nil }
        if let existing = place.gradient { return (existing, true) }
        let fresh = pool.matrix(rows: place.rows, columns: place.columns)
        place.gradient = fresh
        return (fresh, false)
    }

    /// The place of a trainable parameter's gradient, to be added to; nil for what is frozen.
    package func gradient(of operand: any Operand) -> Matrix? {
        guard let parameter = operand.parameter, let offset = parameter.gradientOffset,
            let gradients = parameterGradients
        else { return nil }
        return gradients.view(offset: offset, rows: parameter.values.rows, columns: parameter.values.columns)
    }

    /// The key of the next dropout of this shard; nil when dropout is off.
    package func nextDropoutKey() -> UInt64? { dropoutStream?.next() }

    /// The value of `body`, of which only `input` and the result are kept: the backward pass runs it once more to have
    /// what lies between (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost"). Same bits, since dropout
    /// draws the same keys again.
    ///
    /// - Parameter body: puts operations on the tape it is given; called twice when there is a gradient. Variables of
    ///   this tape that it reads beside its input get their gradients as well.
    package func recomputed(_ input: Variable, _ body: @escaping (Tape, Variable) -> Variable) -> Variable {
        guard isTraining else { return body(self, input) }
        let stream = dropoutStream
        let first = Tape(evaluatingWith: pool, dropoutStream: stream)
        let out = Variable(value: body(first, first.input(input.value)).value, needsGradient: true)
        dropoutStream = first.dropoutStream
        input.keepValue()
        record(out) { [unowned self] g in
            guard let parameterGradients else { return }
            // Its values are read soon, and no others beside them.
            let again = Tape(
                pool: pool, parameterGradients: parameterGradients, dropoutStream: stream, remakes: false)
            let start = again.input(input.value, needsGradient: input.needsGradient)
            let end = body(again, start)
            end.gradient = g
            again.backward()
            guard let gradient = start.gradient else { return }
            if let known = input.gradient {
                Kernel.add(gradient, into: known)
            } else {
                input.gradient = gradient
            }
        }
        return out
    }
}
