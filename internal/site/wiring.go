package site

// Wiring says where the devices of one gateway are on its board: configs/gateways/*.yaml. What a device has of the
// fields of its section says how it is connected; the tables of docs/hardware.md list the ways.
type Wiring struct {
	Building  string                    `yaml:"building"`
	Gateway   string                    `yaml:"gateway"`
	Chip      string                    `yaml:"chip"`      // label of the GPIO chip: pinctrl-bcm2711, pinctrl-rp1
	Buses     map[string]BusWiring      `yaml:"buses"`     // serial buses of OSDP readers
	Expanders map[string]ExpanderWiring `yaml:"expanders"` // chips that add inputs and outputs
	Readers   map[string]ReaderWiring   `yaml:"readers"`
	Inputs    map[string]InputWiring    `yaml:"inputs"`
	Outputs   map[string]OutputWiring   `yaml:"outputs"`
	Counters  map[string]CounterWiring  `yaml:"counters"` // those with a chip
	Sensors   map[string]SensorWiring   `yaml:"sensors"`
}

// BusWiring is one RS-485 bus.
type BusWiring struct {
	Port string `yaml:"port"` // device file of the serial port
	Baud int    `yaml:"baud"` // default 9600
	RTS  bool   `yaml:"rts"`  // the transceiver's driver-enable hangs on the port's RTS, and the kernel drives it
}

// ExpanderWiring is one chip with inputs or outputs of its own.
type ExpanderWiring struct {
	Chip    string `yaml:"chip"` // mcp23017, ads1115
	I2C     string `yaml:"i2c"`
	Address uint16 `yaml:"address"`
	Line    string `yaml:"line"` // the line of an mcp23017's INT; empty: it is polled
	Pull    string `yaml:"pull"` // of Line
}

// ReaderWiring is one reader: on two data lines (Wiegand), at an address of an RS-485 bus (OSDP), or an NFC chip.
type ReaderWiring struct {
	D0   string `yaml:"d0"`   // Wiegand: the kernel's line name
	D1   string `yaml:"d1"`   //
	Pull string `yaml:"pull"` // up, down or none; default none: the level shifter pulls

	OSDP  string `yaml:"osdp"`  // a bus of Buses
	Clear bool   `yaml:"clear"` // the reader may talk in clear text: it is shown as insecure

	Chip  string `yaml:"chip"`  // NFC: mfrc522, pn532
	I2C   string `yaml:"i2c"`   // of an NFC chip, as SPI and UART
	SPI   string `yaml:"spi"`   // device file: /dev/spidev0.0
	UART  string `yaml:"uart"`  // device file: /dev/ttyAMA0
	Reset string `yaml:"reset"` // the line of an NFC chip's reset, low is reset; empty: there is none

	Address uint16 `yaml:"address"` // OSDP: 0 … 126; I²C: 7 bit
}

// InputWiring is one contact: on a line, at a pin of an expander, or at an OSDP reader.
type InputWiring struct {
	Line string `yaml:"line"` // the kernel's line name: GPIO17
	Pull string `yaml:"pull"` // up, down or none

	Expander string `yaml:"expander"`
	Pin      string `yaml:"pin"`  // mcp23017: A0 … A6, B0 … B6; ads1115: 0 … 3
	Loop     *Loop  `yaml:"loop"` // resistors of an input at an ads1115

	Reader   string `yaml:"reader"`   // an OSDP reader
	Terminal string `yaml:"terminal"` // tamper, or the number of the reader's input: 0 … 7
}

// Loop is the circuit of a supervised input: a pull-up to 3.3 V, and at the contact a resistor in series with it and one
// across it. Values are Ω; left out, each is 4700.
type Loop struct {
	PullUp   int `yaml:"pull_up"`
	Series   int `yaml:"series"`
	Parallel int `yaml:"parallel"`
}

// OutputWiring is one output: a line, a pin of an mcp23017, or a part of an OSDP reader.
type OutputWiring struct {
	Line      string `yaml:"line"`
	ActiveLow bool   `yaml:"active_low"` // energised is low; of a line or a pin

	Expander string `yaml:"expander"`
	Pin      string `yaml:"pin"` // A0 … A7, B0 … B7

	Reader   string `yaml:"reader"`
	Terminal string `yaml:"terminal"` // led, buzzer, or the number of the reader's output: 0 … 7
}

// CounterWiring is the two distance sensors of a people counter.
type CounterWiring struct {
	Outer *Ranger `yaml:"outer"`
	Inner *Ranger `yaml:"inner"`
}

// Ranger is one VL53L1X. Both start at address 0x29: on one bus, the one with a reset line is held back while the other
// one is moved to its address.
type Ranger struct {
	I2C     string `yaml:"i2c"`
	Address uint16 `yaml:"address"`
	Reset   string `yaml:"reset"` // the line of XSHUT
}

// SensorWiring is one sensor: on an I²C bus, a 1-Wire bus, a serial port or a line, as its chip asks.
type SensorWiring struct {
	I2C     string `yaml:"i2c"`
	Address uint16 `yaml:"address"`

	OneWire string `yaml:"onewire"` // the kernel's name of the bus: w1_bus_master1
	ROM     string `yaml:"rom"`     // as the kernel writes it: 28-0316a2794bff
	UART    string `yaml:"uart"`
	Line    string `yaml:"line"` // of a detector; of a 1-Wire bus, default GPIO4
	Pull    string `yaml:"pull"` // of a detector's line

	ActiveLow bool `yaml:"active_low"` // the detector's line is low while it sees something
}
