// A Go service in the same mesh, over the official nacos-sdk-go v2. One JSON object a line in ({"id":1,"op":"instances",…}),
// {"id":1,"value":…} or {"id":1,"error":"…"} out, {"event":…} for a push.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"

	"github.com/nacos-group/nacos-sdk-go/v2/clients"
	"github.com/nacos-group/nacos-sdk-go/v2/clients/config_client"
	"github.com/nacos-group/nacos-sdk-go/v2/clients/naming_client"
	"github.com/nacos-group/nacos-sdk-go/v2/common/constant"
	"github.com/nacos-group/nacos-sdk-go/v2/model"
	"github.com/nacos-group/nacos-sdk-go/v2/vo"
)

type request struct {
	ID       int               `json:"id"`
	Op       string            `json:"op"`
	Service  string            `json:"service"`
	Group    string            `json:"group"`
	Port     uint64            `json:"port"`
	Weight   float64           `json:"weight"`
	Metadata map[string]string `json:"metadata"`
	DataID   string            `json:"dataId"`
	Content  string            `json:"content"`
}

type peer struct {
	naming naming_client.INamingClient
	config config_client.IConfigClient
}

var out sync.Mutex

func say(message map[string]any) {
	text, err := json.Marshal(message)
	if err != nil {
		panic(err)
	}
	out.Lock()
	defer out.Unlock()
	fmt.Println(string(text))
}

func plain(instances []model.Instance) []map[string]any {
	all := []map[string]any{}
	for _, i := range instances {
		all = append(all, map[string]any{"ip": i.Ip, "port": i.Port, "weight": i.Weight, "healthy": i.Healthy, "metadata": i.Metadata})
	}
	return all
}

func (p *peer) perform(r request) (any, error) {
	switch r.Op {
	case "ready":
		if p.naming.ServerHealthy() {
			return "UP", nil
		}
		return "DOWN", nil
	case "register":
		weight := r.Weight
		if weight == 0 {
			weight = 1
		}
		return p.naming.RegisterInstance(vo.RegisterInstanceParam{
			Ip: "127.0.0.1", Port: r.Port, Weight: weight, Enable: true, Healthy: true, Ephemeral: true,
			Metadata: r.Metadata, ServiceName: r.Service, GroupName: r.Group,
		})
	case "leave":
		return p.naming.DeregisterInstance(vo.DeregisterInstanceParam{
			Ip: "127.0.0.1", Port: r.Port, ServiceName: r.Service, GroupName: r.Group, Ephemeral: true,
		})
	case "instances":
		list, err := p.naming.SelectAllInstances(vo.SelectAllInstancesParam{ServiceName: r.Service, GroupName: r.Group})
		if err != nil && err.Error() == "instance list is empty!" {
			return []any{}, nil
		}
		return plain(list), err
	case "subscribe":
		return true, p.naming.Subscribe(&vo.SubscribeParam{
			ServiceName: r.Service, GroupName: r.Group,
			SubscribeCallback: func(instances []model.Instance, err error) {
				say(map[string]any{"event": "instances", "service": r.Service, "instances": plain(instances)})
			},
		})
	case "config":
		return p.config.GetConfig(vo.ConfigParam{DataId: r.DataID, Group: r.Group})
	case "publish":
		return p.config.PublishConfig(vo.ConfigParam{DataId: r.DataID, Group: r.Group, Content: r.Content})
	case "remove":
		return p.config.DeleteConfig(vo.ConfigParam{DataId: r.DataID, Group: r.Group})
	case "listen":
		return true, p.config.ListenConfig(vo.ConfigParam{
			DataId: r.DataID, Group: r.Group,
			OnChange: func(_, _, dataID, data string) {
				say(map[string]any{"event": "config", "dataId": dataID, "content": data})
			},
		})
	}
	return nil, fmt.Errorf("unknown op %s", r.Op)
}

func open(server, username, password string) (*peer, error) {
	host, portText, err := net.SplitHostPort(server)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, err
	}
	folder, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	param := vo.NacosClientParam{
		ClientConfig: constant.NewClientConfig(
			constant.WithTimeoutMs(5000), constant.WithNotLoadCacheAtStart(true), constant.WithUpdateCacheWhenEmpty(true),
			constant.WithLogDir(folder), constant.WithCacheDir(folder), constant.WithLogLevel("warn"),
			constant.WithUsername(username), constant.WithPassword(password),
		),
		ServerConfigs: []constant.ServerConfig{*constant.NewServerConfig(host, port)},
	}
	naming, err := clients.NewNamingClient(param)
	if err != nil {
		return nil, err
	}
	config, err := clients.NewConfigClient(param)
	return &peer{naming, config}, err
}

func main() {
	username, password := "", ""
	if len(os.Args) > 3 {
		username, password = os.Args[2], os.Args[3]
	}
	p, err := open(os.Args[1], username, password)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			panic(err)
		}
		value, err := p.perform(r)
		if err != nil {
			say(map[string]any{"id": r.ID, "error": err.Error()})
		} else {
			say(map[string]any{"id": r.ID, "value": value})
		}
	}
}
